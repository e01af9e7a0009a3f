from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "minping.registry"
    label = "registry"
    verbose_name = "登记簿"
    default_auto_field = "django.db.models.BigAutoField"
