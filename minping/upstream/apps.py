from django.apps import AppConfig


class UpstreamConfig(AppConfig):
    name = "minping.upstream"
    label = "upstream"
    verbose_name = "上送"
    default_auto_field = "django.db.models.BigAutoField"
