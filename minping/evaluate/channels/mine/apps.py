from django.apps import AppConfig


class MineConfig(AppConfig):
    name = "minping.evaluate.channels.mine"
    label = "channel_mine"
    verbose_name = "我的待评价"
