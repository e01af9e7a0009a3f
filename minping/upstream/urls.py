from django.urls import path

from minping.upstream.pages import callback, delivery, manual, message, reconciliation

urlpatterns = [
    path("upstream/callback/", callback.callback, name="upstream_callback"),
    path("delivery/", delivery.delivery, name="delivery"),
    path("delivery/reconcile/", reconciliation.reconcile_now, name="delivery_reconcile"),
    path("delivery/unrated/", reconciliation.unrated_now, name="delivery_unrated"),
    path("delivery/tasks/<int:task_id>/", delivery.task_close, name="delivery_task"),
    path("delivery/replay/", delivery.replay_all, name="delivery_replay_all"),
    path("delivery/targets/<str:code>/", delivery.switch, name="delivery_switch"),
    path("delivery/manual/", manual.manual, name="delivery_manual"),
    path("delivery/manual/export/", manual.manual_export, name="delivery_manual_export"),
    path("delivery/manual/<int:message_id>/checked/", manual.manual_checked, name="delivery_manual_checked"),
    path("delivery/manual/<int:message_id>/", manual.manual_done, name="delivery_manual_done"),
    path("delivery/<int:message_id>/", message.message, name="delivery_message"),
    path("delivery/<int:message_id>/replay/", delivery.replay, name="delivery_replay"),
]
