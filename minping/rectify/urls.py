from django.urls import path

from minping.rectify import pages

urlpatterns = [
    path("orders/<uuid:order_id>/report/", pages.report, name="order_report"),
    path("orders/<uuid:order_id>/accept/", pages.accept, name="order_accept"),
    path("orders/<uuid:order_id>/return/", pages.send_back, name="order_return"),
    path("orders/<uuid:order_id>/follow-up/", pages.follow_up, name="order_follow_up"),
    path("evidence/<uuid:evidence_id>/", pages.evidence, name="evidence"),
]
