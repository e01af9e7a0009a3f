from django.apps import AppConfig


class PhoneConfig(AppConfig):
    name = "minping.evaluate.channels.phone"
    label = "channel_phone"
    verbose_name = "电话请评"
    default_auto_field = "django.db.models.BigAutoField"
