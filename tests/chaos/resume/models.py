from __future__ import annotations

from django.db import models


class Row(models.Model):
    """What a task goes through."""

    def __str__(self) -> str:
        return str(self.pk)


def fill(count: int) -> None:
    """The keys are 1 to ``count``, so that it is known from a row which ones are before it."""
    Row.objects.all().delete()
    Row.objects.bulk_create((Row(pk=number) for number in range(1, count + 1)), batch_size=5000)
