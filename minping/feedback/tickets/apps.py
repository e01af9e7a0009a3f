from django.apps import AppConfig


class TicketsConfig(AppConfig):
    name = "minping.feedback.tickets"
    label = "tickets"
    verbose_name = "工单"
    default_auto_field = "django.db.models.BigAutoField"
