from django.urls import path

from minping.evaluate.files import pages

urlpatterns = [
    path("registry/services/import", pages.services_import, name="services_import"),
    path("registry/services/form.xlsx", pages.services_template, name="services_template"),
]
