from django.urls import path

from minping.evaluate.channels.hall import pages

urlpatterns = [
    path("callbacks/", pages.index, name="callbacks"),
    path("callbacks/new/", pages.register, name="callback_new"),
    path("callbacks/<uuid:subscriber_id>/secret/", pages.secret, name="callback_secret"),
    path("callbacks/<uuid:subscriber_id>/switch/", pages.switch, name="callback_switch"),
    path("callbacks/<uuid:subscriber_id>/retire/", pages.retire, name="callback_retire"),
    path("callbacks/<uuid:subscriber_id>/test/", pages.test, name="callback_test"),
    path("callbacks/rows/<int:announcement_id>/replay/", pages.replay, name="callback_replay"),
    path("callbacks/rows/<int:announcement_id>/drop/", pages.drop, name="callback_drop"),
]
