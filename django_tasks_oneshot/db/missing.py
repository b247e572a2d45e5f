"""Projects that have no database: tasks may be kept without one."""

from __future__ import annotations

from django.db import connections

HINT = (
    "Write DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': 'mysite'}}, then type: "
    "manage.py migrate"
)


def is_missing(alias: str) -> bool:
    return connections[alias].vendor == "unknown"  # Django's own, for DATABASES = {}
