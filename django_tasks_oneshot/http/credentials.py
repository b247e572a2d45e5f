"""Who may start a run. What a request has to say for itself is in its header ``Authorization``::

    Bearer SECRET                            RFC 6750; Vercel sends its CRON_SECRET so
    HMAC-SHA256 TIMESTAMP:SIGNATURE          good for one request

The signature is the HMAC of ``TIMESTAMP.QUERY`` with the secret, in hexadecimal digits; the timestamp is in seconds
since 1970, and the query is the query string of the request, without its question mark.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ..conf import as_secrets, is_secret, setting
from .signatures import use_up

if TYPE_CHECKING:  # the command, which makes the check of the settings, has no use for it
    from django.http import HttpRequest

#: How far the clock of who has signed may be from ours, in seconds.
TOLERANCE = 300

_SIGNED = re.compile(r"([0-9]{1,12}):([0-9a-f]{64})", re.IGNORECASE)


def tick_secrets(environment: Mapping[str, str]) -> list[str]:
    """Those of ``ONESHOT["TICK_SECRET"]``, and what Vercel sends: https://vercel.com/docs/cron-jobs/manage-cron-jobs"""
    of_vercel = environment.get("CRON_SECRET") if environment.get("VERCEL") else None
    return [each for each in as_secrets(setting("TICK_SECRET")) + as_secrets(of_vercel) if is_secret(each)]


def may_run(request: HttpRequest, secrets: Iterable[str], now: float) -> bool:
    """Whether the request knows one of the secrets. ``now`` is in seconds since 1970."""
    scheme, _, said = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer":
        return _is_one_of(said, secrets)
    if scheme.lower() == "hmac-sha256":
        return _is_signed(said, request.META.get("QUERY_STRING", ""), secrets, now)
    return False


def signature(secret: str, timestamp: str, query: str) -> str:
    message = _bytes(f"{timestamp}.{query}")
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def _is_signed(said: str, query: str, secrets: Iterable[str], now: float) -> bool:
    match = _SIGNED.fullmatch(said)
    if match is None or abs(int(match[1]) - now) > TOLERANCE:
        return False
    given = match[2].lower()
    if not _is_one_of(given, [signature(secret, match[1], query) for secret in secrets]):
        return False
    return use_up(given, int(match[1]))


def _is_one_of(said: str, expected: Iterable[str]) -> bool:
    """Takes as long whichever it is, and however much of it is right."""
    digest = _digest(said)
    return sum(hmac.compare_digest(digest, _digest(each)) for each in expected) > 0


def _digest(text: str) -> bytes:
    return hashlib.sha256(_bytes(text)).digest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # what a client sends may be anything
