from django.urls import path

from minping.evaluate.channels.tablet import pages

urlpatterns = [
    path("tablet/", pages.tablet, name="tablet"),
    path("tablet/about/<str:code>", pages.tablet_about, name="tablet_about"),
    path("tablet/pair", pages.tablet_pair, name="tablet_pair"),
    path("tablet/events", pages.tablet_events, name="tablet_events"),
    path("tablet/report", pages.tablet_report, name="tablet_report"),
    path("tablet/sw.js", pages.service_worker, name="tablet_worker"),
    path("devices/", pages.devices, name="devices"),
    path("devices/<uuid:device_id>/", pages.device_story, name="device_story"),
    path("devices/<uuid:device_id>/pair", pages.device_pairing, name="device_pairing"),
    path("devices/<uuid:device_id>/revoke", pages.device_revoke, name="device_revoke"),
]
