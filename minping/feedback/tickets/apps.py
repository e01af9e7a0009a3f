from django.apps import AppConfig


class TicketsConfig(AppConfig):
    name = "minping.feedback.tickets"
    label = "tickets"
    verbose_name = "来件"
    default_auto_field = "django.db.models.BigAutoField"
