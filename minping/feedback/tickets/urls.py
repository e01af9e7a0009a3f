from django.urls import path

from minping.feedback.tickets import pages

urlpatterns = [
    path("tickets/", pages.tickets, name="tickets"),
    path("tickets/new/", pages.ticket_new, name="ticket_new"),
    path("tickets/negative/", pages.negative_new, name="negative_new"),
    path("tickets/form/", pages.tickets_template, name="tickets_template"),
    path("tickets/import/<slug:source>/", pages.tickets_import, name="tickets_import"),
    path("tickets/answers/<slug:source>/export/", pages.answers_export, name="answers_export"),
    path("tickets/answers/<uuid:answer_id>/write/", pages.answer_write, name="answer_write"),
    path("tickets/answers/<uuid:answer_id>/delivered/", pages.answer_delivered, name="answer_delivered"),
    path("tickets/<uuid:ticket_id>/", pages.ticket, name="ticket"),
    path("tickets/<uuid:ticket_id>/<slug:verb>/", pages.decide, name="ticket_decide"),
]
