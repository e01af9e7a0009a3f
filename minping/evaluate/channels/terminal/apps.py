from django.apps import AppConfig


class TerminalConfig(AppConfig):
    name = "minping.evaluate.channels.terminal"
    label = "channel_terminal"
    verbose_name = "自助终端"
    default_auto_field = "django.db.models.BigAutoField"
