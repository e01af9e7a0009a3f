from django.urls import path

from minping.evaluate.channels.qr import pages

urlpatterns = [
    path("r/<str:token>/slip", pages.slip, name="slip"),
    path("r/<str:token>/qr.svg", pages.slip_svg, name="slip_svg"),
    path("r/<str:token>/qr.png", pages.slip_png, name="slip_png"),
    path("w/<str:code>", pages.window, name="window_code"),
    path("w/<str:code>/dead", pages.window_dead, name="window_dead"),
    path("codes/", pages.index, name="codes"),
    path("codes/posters.pdf", pages.posters, name="posters"),
    path("codes/<str:code>/replace", pages.replace, name="code_replace"),
]
