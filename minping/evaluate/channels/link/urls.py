from django.urls import path

from minping.evaluate.channels.link import package, pages

urlpatterns = [
    path("r/<str:token>", pages.rate, name="rate"),
    path("r/<str:token>/package", package.package, name="package"),
    path("rated/<str:visit>/", pages.rated_above, name="rated_above"),
    path("receipt", pages.receipt_lookup, name="receipt"),
]
