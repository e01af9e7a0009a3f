from django.urls import path

from minping.evaluate.channels.link import pages

urlpatterns = [
    path("r/<str:token>", pages.rate, name="rate"),
    path("receipt", pages.receipt_lookup, name="receipt"),
]
