"""A daily schedule that fired last twelve hours ago: nothing of it comes due by chance while a test runs."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from django_tasks_oneshot import Every

DAY = timedelta(days=1)
LAST = timezone.now().replace(microsecond=0) - DAY / 2
#: The same in the form of the settings.
DAILY = {"every": {"days": 1}, "anchor": LAST.isoformat()}


def every_day(**options):
    return Every(days=1, anchor=LAST, **options)
