from django.urls import path

from minping.feedback import pages

urlpatterns = [
    path("below/", pages.below_page, name="below"),
    path("cases/<uuid:case_id>/call/", pages.call, name="case_call"),
    path("cases/<uuid:case_id>/identity/", pages.open_identity, name="case_identity"),
    path("cases/<uuid:case_id>/confirm/", pages.confirm, name="case_confirm"),
    path("cases/<uuid:case_id>/move/<slug:verb>/", pages.move, name="case_move"),
    path("documents/<uuid:document_id>/", pages.document, name="case_document"),
]
