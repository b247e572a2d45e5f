"""``ONESHOT`` of the settings: what is no backend's own."""

from __future__ import annotations

import math
from typing import Any

from django.conf import settings
from django.core import checks

DEFAULTS: dict[str, Any] = {
    "LAMBDA_MARGIN_SECONDS": 5,  # of a call of Lambda that are left when its task is interrupted
}


def setting(name: str) -> Any:
    return {**DEFAULTS, **getattr(settings, "ONESHOT", {})}[name]


@checks.register
def check_settings(**kwargs: Any) -> list[checks.CheckMessage]:
    def error(text: str, hint: str) -> list[checks.CheckMessage]:
        return [checks.Error(f"ONESHOT{text}", hint=hint, id="oneshot.E009")]

    oneshot = getattr(settings, "ONESHOT", {})
    if not isinstance(oneshot, dict):
        return error(" is no dict.", "Write ONESHOT = {...}, or leave it out.")
    if unknown := sorted(set(oneshot) - set(DEFAULTS)):
        return error(f" has {unknown[0]!r}, which nothing knows.", f"Write one of: {', '.join(DEFAULTS)}.")
    margin = setting("LAMBDA_MARGIN_SECONDS")
    if isinstance(margin, bool) or not isinstance(margin, int | float) or not 0 < margin < math.inf:
        return error(f"['LAMBDA_MARGIN_SECONDS'] is {margin!r}.", "Write a number of seconds, such as 5.")
    return []
