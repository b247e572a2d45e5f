"""Tells where a URL is there that nobody can call."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core import checks
from django.urls import NoReverseMatch, reverse

from ..conf import as_secrets, is_written, setting
from .credentials import tick_secrets

MAKE = "python -c 'import secrets; print(secrets.token_urlsafe(32))'"
SILENCE = "Where nobody is to call it: SILENCED_SYSTEM_CHECKS = ['oneshot.W006']."


@checks.register(checks.Tags.urls)
def check_that_somebody_may_run(app_configs: Any = None, **kwargs: Any) -> Iterable[checks.CheckMessage]:
    if as_secrets(setting("TICK_SECRET")) or tick_secrets(os.environ):
        return  # whether it can be used, another check tells
    if url := url_of_runs():
        yield checks.Warning(
            f"{url} answers 503 to everybody: ONESHOT['TICK_SECRET'] is not set.",
            hint=f"{_what_to_write()} To make a secret, type: {MAKE}. {SILENCE}",
            id="oneshot.W006",
        )


def url_of_runs() -> str | None:
    """The path of the view, where the project's URLconf includes ``django_tasks_oneshot.urls``."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return None
    try:
        return reverse("django_tasks_oneshot:run_due_tasks")
    except NoReverseMatch:
        return None


def _what_to_write() -> str:
    if is_written("TICK_SECRET"):
        return "It is written there, and has no value here: set the variable that it is read from."
    return "Write ONESHOT = {'TICK_SECRET': os.environ.get('TICK_SECRET')}, and set that variable where the site runs."
