from django.urls import path

from minping.upstream import pages

urlpatterns = [
    path("upstream/callback/", pages.callback, name="upstream_callback"),
    path("delivery/", pages.delivery, name="delivery"),
    path("delivery/reconcile/", pages.reconcile_now, name="delivery_reconcile"),
    path("delivery/unrated/", pages.unrated_now, name="delivery_unrated"),
    path("delivery/tasks/<int:task_id>/", pages.task_close, name="delivery_task"),
    path("delivery/replay/", pages.replay_all, name="delivery_replay_all"),
    path("delivery/targets/<str:code>/", pages.switch, name="delivery_switch"),
    path("delivery/manual/", pages.manual, name="delivery_manual"),
    path("delivery/manual/export/", pages.manual_export, name="delivery_manual_export"),
    path("delivery/manual/<int:message_id>/checked/", pages.manual_checked, name="delivery_manual_checked"),
    path("delivery/manual/<int:message_id>/", pages.manual_done, name="delivery_manual_done"),
    path("delivery/<int:message_id>/", pages.message, name="delivery_message"),
    path("delivery/<int:message_id>/replay/", pages.replay, name="delivery_replay"),
]
