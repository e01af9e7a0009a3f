from django.apps import AppConfig


class KeypadConfig(AppConfig):
    name = "minping.evaluate.channels.keypad"
    label = "channel_keypad"
    verbose_name = "按键评价器"
    default_auto_field = "django.db.models.BigAutoField"
