from django.apps import AppConfig


class LinkConfig(AppConfig):
    name = "minping.evaluate.channels.link"
    label = "channel_link"
    verbose_name = "评价链接"
    default_auto_field = "django.db.models.BigAutoField"
