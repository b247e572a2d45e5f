"""``ONESHOT`` of the settings: what is no backend's own."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from django.conf import settings
from django.core import checks

DEFAULTS: dict[str, Any] = {
    "LAMBDA_MARGIN_SECONDS": 5,  # of a call of Lambda that are left when its task is interrupted
    "TICK_MAX_SECONDS": 25,  # of a run that a request started: the timeouts of servers and routers begin at 30
    "TICK_SECRET": None,  # or several, for the time in which one takes the place of another
}

#: What a header can hold and nobody can guess. Of `TICK_SECRET`, whatever is none of these is never accepted.
SECRET = re.compile(r"[!-~]{16,512}")


def setting(name: str) -> Any:
    return {**DEFAULTS, **_written()}[name]


def is_written(name: str) -> bool:
    return name in _written()


def _written() -> dict[str, Any]:
    oneshot = getattr(settings, "ONESHOT", {})
    return oneshot if isinstance(oneshot, dict) else {}  # a check tells of what is none


def as_secrets(value: Any) -> list[Any]:
    """What ``TICK_SECRET`` says: one, several, or none at all, as from an environment that lacks it."""
    several = value if isinstance(value, list | tuple) else [value]
    return [each for each in several if each not in (None, "")]


def is_secret(value: Any) -> bool:
    return isinstance(value, str) and SECRET.fullmatch(value) is not None


def _is_seconds(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and 0 < value < math.inf


class Rule(NamedTuple):
    holds: Callable[[Any], bool]
    hint: str
    is_told: bool = True  # the value, in the message


RULES = {
    "LAMBDA_MARGIN_SECONDS": Rule(_is_seconds, "Write a number of seconds, such as 5."),
    "TICK_MAX_SECONDS": Rule(_is_seconds, "Write a number of seconds, such as 25."),
    "TICK_SECRET": Rule(
        lambda value: all(map(is_secret, as_secrets(value))),
        "Write 16 to 512 visible ASCII characters, or a list of such secrets. To make one, type: "
        "python -c 'import secrets; print(secrets.token_urlsafe(32))'",
        is_told=False,
    ),
}


@checks.register
def check_settings(**kwargs: Any) -> list[checks.CheckMessage]:
    def error(text: str, hint: str) -> checks.CheckMessage:
        return checks.Error(f"ONESHOT{text}", hint=hint, id="oneshot.E009")

    oneshot = getattr(settings, "ONESHOT", {})
    if not isinstance(oneshot, dict):
        return [error(" is no dict.", "Write ONESHOT = {...}, or leave it out.")]
    if unknown := sorted(set(oneshot) - set(DEFAULTS)):
        return [error(f" has {unknown[0]!r}, which nothing knows.", f"Write one of: {', '.join(DEFAULTS)}.")]
    return [
        error(f"[{name!r}] {f'is {setting(name)!r}' if rule.is_told else 'cannot be used'}.", rule.hint)
        for name, rule in RULES.items()
        if not rule.holds(setting(name))
    ]
