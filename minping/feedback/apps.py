from django.apps import AppConfig


class FeedbackConfig(AppConfig):
    name = "minping.feedback"
    label = "feedback"
    verbose_name = "反馈"
    default_auto_field = "django.db.models.BigAutoField"
