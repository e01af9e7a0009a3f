from django.apps import AppConfig


class SmsConfig(AppConfig):
    name = "minping.evaluate.channels.sms"
    label = "channel_sms"
    verbose_name = "短信"
    default_auto_field = "django.db.models.BigAutoField"
