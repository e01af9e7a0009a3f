from django.urls import path

from minping.rectify import pages

urlpatterns = [
    path("orders/<uuid:order_id>/report/", pages.report, name="order_report"),
    path("orders/<uuid:order_id>/explain/", pages.explain, name="order_explain"),
    path("orders/<uuid:order_id>/ask-extension/", pages.ask_extension, name="order_ask_extension"),
    path("orders/<uuid:order_id>/transfer/", pages.transfer, name="order_transfer"),
    path("orders/<uuid:order_id>/extend/", pages.extend, name="order_extend"),
    path("orders/<uuid:order_id>/keep/", pages.keep, name="order_keep"),
    path("orders/<uuid:order_id>/unreached/", pages.unreached, name="order_unreached"),
    path("orders/<uuid:order_id>/accept/", pages.accept, name="order_accept"),
    path("orders/<uuid:order_id>/return/", pages.send_back, name="order_return"),
    path("orders/<uuid:order_id>/follow-up/", pages.follow_up, name="order_follow_up"),
    path("cases/<uuid:case_id>/sheet/", pages.sheet_of, name="case_sheet"),
    path("evidence/<uuid:evidence_id>/", pages.evidence, name="evidence"),
]
