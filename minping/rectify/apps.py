from django.apps import AppConfig


class RectifyConfig(AppConfig):
    name = "minping.rectify"
    label = "rectify"
    verbose_name = "改进"
    default_auto_field = "django.db.models.BigAutoField"
