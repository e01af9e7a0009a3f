from django.urls import path

from minping.evaluate.channels.mine import pages

urlpatterns = [
    path("mine/", pages.index, name="mine"),
    path("mine/login", pages.login, name="mine_login"),
    path("mine/callback", pages.callback, name="mine_callback"),
    path("mine/logout", pages.logout, name="mine_logout"),
]
