from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "minping.site"
    label = "minping_site"
    verbose_name = "站点"

    def ready(self) -> None:
        from minping import law
        from minping.kernel.home import home

        law.use_overlay(home().law)
