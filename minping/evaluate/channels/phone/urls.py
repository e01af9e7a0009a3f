from django.urls import path

from minping.evaluate.channels.phone import pages

urlpatterns = [
    path("ask/", pages.index, name="ask"),
    path("ask/next", pages.next_call, name="ask_next"),
    path("ask/<uuid:call_id>", pages.call, name="ask_call"),
    path("ask/<uuid:call_id>/phone", pages.phone, name="ask_phone"),
]
