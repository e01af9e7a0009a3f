from django.urls import path

from minping.supervise import pages, report_pages

urlpatterns = [
    path("inquiries/<uuid:inquiry_id>/move/<slug:verb>/", pages.move, name="inquiry_move"),
    path("cases/<uuid:case_id>/clue/", pages.hand_in, name="clue_hand_in"),
    path("clues/", pages.clue_list, name="clues"),
    path("clues/keys/", pages.key_propose, name="clue_key"),
    path("clues/keys/<uuid:key_id>/confirm/", pages.key_confirm, name="clue_key_confirm"),
    path("clues/<uuid:clue_id>/take/", pages.take, name="clue_take"),
    path("clues/<uuid:clue_id>/settle/", pages.settle, name="clue_settle"),
    path("report/", report_pages.report, name="report"),
    path("report/done/", report_pages.reported, name="reported"),
]
