from django.urls import path

from minping.supervise import pages, report_pages, watch_pages

urlpatterns = [
    path("inquiries/<uuid:inquiry_id>/move/<slug:verb>/", pages.move, name="inquiry_move"),
    path("cases/<uuid:case_id>/clue/", pages.hand_in, name="clue_hand_in"),
    path("clues/", pages.clue_list, name="clues"),
    path("clues/keys/", pages.key_propose, name="clue_key"),
    path("clues/keys/<uuid:key_id>/confirm/", pages.key_confirm, name="clue_key_confirm"),
    path("clues/reader/", pages.reader_page, name="clue_reader"),
    path("clues/<uuid:clue_id>/read/", pages.read, name="clue_read"),
    path("clues/<uuid:clue_id>/take/", pages.take, name="clue_take"),
    path("clues/<uuid:clue_id>/settle/", pages.settle, name="clue_settle"),
    path("supervise/", watch_pages.supervise, name="supervise"),
    path("leads/<uuid:lead_id>/", watch_pages.lead, name="lead"),
    path("leads/<uuid:lead_id>/close/", watch_pages.lead_close, name="lead_close"),
    path("own/", watch_pages.own_page, name="own"),
    path("own/<uuid:case_id>/statement/", watch_pages.statement, name="own_statement"),
    path("report/", report_pages.report, name="report"),
    path("report/done/", report_pages.reported, name="reported"),
]
