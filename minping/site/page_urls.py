"""The pages that belong to no single stage: front, sign-in, work place, accounts, journal."""

from __future__ import annotations

from django.urls import path

from minping.site import (
    account_pages,
    agenda,
    batch_pages,
    desk,
    find,
    journal_pages,
    mark_pages,
    pages,
    units,
    wording_pages,
)

urlpatterns = [
    path("", pages.home, name="home"),
    path("about", pages.about, name="about"),
    path("login", pages.sign_in, name="login"),
    path("logout", pages.sign_out, name="logout"),
    path("password", pages.password, name="password"),
    path("desk/", desk.desk, name="desk"),
    path("desk/find/", find.find, name="desk_find"),
    path("desk/calendar/", agenda.agenda, name="desk_calendar"),
    path("desk/<str:view>/<uuid:case_id>/mark/", mark_pages.mark, name="desk_mark"),
    path("desk/<str:view>/<uuid:case_id>/template/", wording_pages.template_insert, name="template_insert"),
    path("desk/<str:view>/batch/", batch_pages.batch_act, name="desk_batch"),
    path("desk/<str:view>/", desk.desk, name="desk_view"),
    path("desk/<str:view>/<uuid:case_id>/", desk.desk, name="desk_case"),
    path("units/", units.units, name="units"),
    path("templates/", wording_pages.templates, name="templates"),
    path("templates/new/", wording_pages.template_edit, name="template_new"),
    path("templates/<uuid:template_id>/", wording_pages.template_edit, name="template_edit"),
    path("accounts/", account_pages.accounts, name="accounts"),
    path("accounts/new/", account_pages.account_new, name="account_new"),
    path("accounts/<uuid:account_id>/", account_pages.account_edit, name="account_edit"),
    path("journal/", journal_pages.journal_page, name="journal"),
    path("journal/verify/", journal_pages.journal_verify, name="journal_verify"),
]
