from django.apps import AppConfig


class SuperviseConfig(AppConfig):
    name = "minping.supervise"
    label = "supervise"
    verbose_name = "监督"
    default_auto_field = "django.db.models.BigAutoField"
