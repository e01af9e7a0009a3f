from django.apps import AppConfig


class TabletConfig(AppConfig):
    name = "minping.evaluate.channels.tablet"
    label = "channel_tablet"
    verbose_name = "窗口平板"
    default_auto_field = "django.db.models.BigAutoField"
