"""What a terminal's door remembers: wrong tries, for some minutes, so that nothing can be guessed."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from minping.kernel import ids


class Attempt(models.Model):
    """One wrong try from one address (a keyed digest of it); forgotten when the pause has passed."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    address = models.BinaryField(max_length=16)
    at = models.DateTimeField()

    class Meta:
        verbose_name = "终端上的错误尝试"
        indexes: ClassVar = [
            models.Index(fields=["address", "at"], name="attempt_address"),
            models.Index(fields=["at"], name="attempt_at"),
        ]
