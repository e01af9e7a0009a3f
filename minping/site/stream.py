"""The devices' open lines as a program of its own: granian serves `application` beside the pages (decision 0008)."""

import os

import django
from django.utils.module_loading import import_string

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "minping.site.settings")
django.setup()
application = import_string("minping.evaluate.channels.tablet.stream.application")
