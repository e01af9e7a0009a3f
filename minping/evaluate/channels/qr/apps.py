from django.apps import AppConfig


class QrConfig(AppConfig):
    name = "minping.evaluate.channels.qr"
    label = "channel_qr"
    verbose_name = "二维码"
    default_auto_field = "django.db.models.BigAutoField"
