from django.apps import AppConfig


class AssessConfig(AppConfig):
    name = "minping.assess"
    label = "assess"
    verbose_name = "考核"
    default_auto_field = "django.db.models.BigAutoField"
