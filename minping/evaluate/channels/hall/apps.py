from django.apps import AppConfig


class HallConfig(AppConfig):
    name = "minping.evaluate.channels.hall"
    label = "channel_hall"
    verbose_name = "网上大厅"
    default_auto_field = "django.db.models.BigAutoField"
