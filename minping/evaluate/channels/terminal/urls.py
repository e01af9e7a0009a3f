from django.urls import path

from minping.evaluate.channels.terminal import pages

urlpatterns = [
    path("terminal/", pages.start, name="terminal"),
    path("terminal/about", pages.about, name="terminal_about"),
    path("terminal/here", pages.here, name="terminal_here"),
    path("terminal/case", pages.case, name="terminal_case"),
    path("terminal/code", pages.code, name="terminal_code"),
    path("terminal/rate", pages.rate, name="terminal_rate"),
]
