"""What a person fills in: a ticket from paper or a telephone, and a negative that the superior told of in the same way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms

from minping.kernel.clock import BEIJING

Choices = Sequence[tuple[str, str]]
FIELD = {"required": "没有填。请补上。"}


UNSAID = "unsaid"  # stands in the form only: what nobody said is kept as nothing


class Moment(forms.DateTimeField):
    """A day and a time of Beijing."""

    def __init__(self, **more: Any) -> None:
        super().__init__(
            widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
            input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
            error_messages={**FIELD, "invalid": "看不懂这个时间。请写成 2026-11-23 15:20。"}, **more,
        )  # fmt: skip

    def to_python(self, value: Any) -> datetime | None:
        found: datetime | None = super().to_python(value)
        return found.replace(tzinfo=BEIJING) if found is not None else None


def _text(label: str, most: int, *, required: bool = True, help_text: str = "", long: bool = False) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": 5}) if long else forms.TextInput(attrs={"autocomplete": "off"})
    return forms.CharField(
        label=label, max_length=most, required=required, widget=widget, help_text=help_text, error_messages=FIELD
    )


class _Where(forms.Form):
    organization_code = forms.ChoiceField(label="反映的是哪个单位", error_messages=FIELD)

    def __init__(self, *args: Any, units: Choices, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["organization_code"].choices = [("", "请选择"), *units]  # type: ignore[attr-defined]


class TicketForm(_Where):
    """A ticket that is known from paper or a telephone only."""

    source = forms.ChoiceField(label="来源", error_messages=FIELD)
    number = _text("来件编号", 60, help_text="来源自己的编号；电话转来、没有编号的，写来电登记的编号。")
    said_at = Moment(label="反映的时间")
    demanded_at = Moment(label="来源要求答复的时间", required=False)
    case_no = _text("办件编号", 50, required=False, help_text="来件上写了就填，便于对上那一次服务。")
    item_name = _text("事项", 200, required=False)
    words = _text("反映的内容", 4000, long=True, help_text="照原话记。姓名、电话写在下面，不写在这里。")
    name = _text("反映人姓名", 100, required=False)
    phone = _text("反映人电话", 20, required=False, help_text="加密封存，只在回访时打开。")

    field_order = ("source", "number", "organization_code", "said_at")

    def __init__(self, *args: Any, sources: Choices, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["source"].choices = [("", "请选择"), *sources]  # type: ignore[attr-defined]


class NegativeForm(_Where):
    """A negative rating that the superior told of on paper or by telephone."""

    organization_code = forms.ChoiceField(label="被评价的单位", error_messages=FIELD)
    reference = _text("上级的编号", 110, help_text="来文的文号，或来电登记的编号。")
    case_no = _text("办件编号", 50)
    service_no = forms.IntegerField(label="第几次服务", min_value=1, max_value=9999, initial=1, error_messages=FIELD)
    level = forms.ChoiceField(label="评价等级", widget=forms.RadioSelect, error_messages=FIELD)
    rated_at = Moment(label="评价的时间")
    channel = forms.ChoiceField(
        label="评价的渠道", error_messages=FIELD, help_text="照来文来电写明的选；没有写明的不要猜。"
    )
    words = _text("评价人的话", 2000, required=False, long=True, help_text="照上级转来的原文抄，一字不改。")

    field_order = ("reference", "organization_code")

    def __init__(self, *args: Any, levels: Choices, channels: Choices, **more: Any) -> None:
        super().__init__(*args, **more)
        choices = [("", "请选择"), *channels, (UNSAID, "来文来电没有写明")]
        self.fields["channel"].choices = choices  # type: ignore[attr-defined]
        self.fields["level"].choices = levels  # type: ignore[attr-defined]
