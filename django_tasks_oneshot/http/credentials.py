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


class Secrets(tuple[str, ...]):
    """Those that are good. The report of an error, which shows all variables, does not show them."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<secrets>"


def tick_secrets(environment: Mapping[str, str]) -> Secrets:
    """Those of ``ONESHOT["TICK_SECRET"]``, and what Vercel sends: https://vercel.com/docs/cron-jobs/manage-cron-jobs"""
    of_vercel = environment.get("CRON_SECRET") if environment.get("VERCEL") else None
    return Secrets(each for each in as_secrets(setting("TICK_SECRET")) + as_secrets(of_vercel) if is_secret(each))


class Refused(Exception):
    """Who asks may not start a run. Why is for the log, and for nobody else."""


def check(request: HttpRequest, secrets: Iterable[str], now: float) -> None:
    """Raises `Refused` unless the request knows one of the secrets. ``now`` is in seconds since 1970."""
    scheme, _, said = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer":
        if not _is_one_of(said, secrets):
            raise Refused("its bearer token is another one")
    elif scheme.lower() == "hmac-sha256":
        _check_signature(said, request.META.get("QUERY_STRING", ""), secrets, now)
    else:
        raise Refused("it has no header Authorization: Bearer ..., or none comes as far as this")


def signature(secret: str, timestamp: str, query: str) -> str:
    message = _bytes(f"{timestamp}.{query}")
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def _check_signature(said: str, query: str, secrets: Iterable[str], now: float) -> None:
    match = _SIGNED.fullmatch(said)
    if match is None:
        raise Refused("its signature is not TIMESTAMP:SIGNATURE")
    if not _is_one_of(match[2].lower(), [signature(secret, match[1], query) for secret in secrets]):
        raise Refused("its signature is another one")
    if abs(int(match[1]) - now) > TOLERANCE:
        raise Refused(f"its timestamp is {abs(int(match[1]) - now):.0f} seconds off")
    if not use_up(match[2].lower(), int(match[1])):
        raise Refused("its signature has been used")


def _is_one_of(said: str, expected: Iterable[str]) -> bool:
    """Takes as long whichever it is, and however much of it is right."""
    digest = _digest(said)
    return sum(hmac.compare_digest(digest, _digest(each)) for each in expected) > 0


def _digest(text: str) -> bytes:
    return hashlib.sha256(_bytes(text)).digest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # what a client sends may be anything
