from django.urls import path

from minping.evaluate.channels.sms import pages

urlpatterns = [
    path("texts/", pages.texts, name="texts"),
    path("sms/kannel/report", pages.kannel_report, name="sms_kannel_report"),
    path("sms/kannel/reply", pages.kannel_reply, name="sms_kannel_reply"),
    path("sms/https/report", pages.https_report, name="sms_https_report"),
    path("sms/https/reply", pages.https_reply, name="sms_https_reply"),
]
