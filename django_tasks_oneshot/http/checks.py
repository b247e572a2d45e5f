"""Tells where a URL is there that nobody can call."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core import checks
from django.urls import NoReverseMatch, reverse

from .credentials import tick_secrets


@checks.register(checks.Tags.urls)
def check_that_somebody_may_run(app_configs: Any = None, **kwargs: Any) -> Iterable[checks.CheckMessage]:
    if (url := url_of_runs()) and not tick_secrets(os.environ):
        yield checks.Warning(
            f"{url} answers 503 to everybody: ONESHOT['TICK_SECRET'] is not set.",
            hint="Write ONESHOT = {'TICK_SECRET': os.environ.get('TICK_SECRET')}, and give your host and who calls the "
            "URL a secret that you make with: python -c 'import secrets; print(secrets.token_urlsafe(32))'. Where "
            "nobody is to call it: SILENCED_SYSTEM_CHECKS = ['oneshot.W006'].",
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
