"""Every address of the site; each stage brings its own."""

from __future__ import annotations

from django.urls import include, path

from minping.evaluate import channels
from minping.site.api import api

urlpatterns = [
    path("", include("minping.site.page_urls")),
    *[path("", include(module)) for module in channels.url_modules()],
    path("", include("minping.evaluate.files.urls")),
    path("", include("minping.feedback.urls")),
    path("", include("minping.feedback.tickets.urls")),
    path("", include("minping.rectify.urls")),
    path("", include("minping.supervise.urls")),
    path("", include("minping.upstream.urls")),
    path("", include("minping.registry.urls")),
    path("", include("minping.assess.urls")),
    path("api/v1/", api.urls),
]
