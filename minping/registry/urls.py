from django.urls import path

from minping.registry import pages

urlpatterns = [
    path("registry", pages.index, name="registry"),
    path("registry/import", pages.registry_import, name="registry_import"),
    path("registry/workbook.xlsx", pages.registry_workbook, name="registry_workbook"),
    path("registry/form.xlsx", pages.registry_form, name="registry_form"),
]
