from django.urls import path

from minping.assess import pages

urlpatterns = [
    path("indicators/", pages.overview, name="indicators"),
    path("indicators/export.<str:form>", pages.overview_export, name="indicators_export"),
    path("indicators/<slug:indicator_id>/<slug:part>/", pages.rows, name="indicator_rows"),
    path(
        "indicators/<slug:indicator_id>/<slug:part>/export.<str:form>",
        pages.rows_export,
        name="indicator_rows_export",
    ),
    path("quarter/", pages.quarter, name="quarter"),
    path("quarter/send", pages.quarter_send, name="quarter_send"),
    path("quarter/export.<str:form>", pages.quarter_export, name="quarter_export"),
]
