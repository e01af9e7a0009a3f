from django.apps import AppConfig


class IvrConfig(AppConfig):
    name = "minping.evaluate.channels.ivr"
    label = "channel_ivr"
    verbose_name = "电话自动请评"
    default_auto_field = "django.db.models.BigAutoField"
