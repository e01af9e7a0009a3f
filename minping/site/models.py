"""What belongs to the work place itself: a person's marks, and an office's answer templates."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from minping.feedback.models import Case
from minping.kernel import ids


class Mark(models.Model):
    """标记: a word that one person set on a case for themselves; nobody else sees it, and it moves nothing."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    account = models.CharField(max_length=80)  # the actor's name
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="+")
    word = models.CharField("标记", max_length=20)
    made_at = models.DateTimeField()

    class Meta:
        verbose_name = "标记"
        constraints: ClassVar = [models.UniqueConstraint(fields=["account", "case"], name="mark_once")]


class AnswerTemplate(models.Model):
    """答复模板: words that an office writes again and again, with placeholders that never stand for a person."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    organization_code = models.CharField(max_length=40)
    title = models.CharField("名称", max_length=40)
    text = models.TextField("内容", max_length=1000)
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=80)

    class Meta:
        verbose_name = "答复模板"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization_code", "title"], name="answer_template_once")
        ]
