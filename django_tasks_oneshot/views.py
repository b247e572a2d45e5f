"""A run, started by a request: for hosts that call a URL now and then."""

from __future__ import annotations

import logging
import math
import os
import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest, ImproperlyConfigured
from django.db import Error as DatabaseFailure
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from .backends.base import OneshotBackend, StoreUnavailable
from .compat import DEFAULT_TASK_BACKEND_ALIAS
from .conf import setting
from .http.credentials import Refused, check, tick_secrets
from .http.own_thread import Overrun, drain_aside
from .run.backends import queues_of, runnable_backend
from .run.deadline import WRAP_UP, Deadline
from .run.drain import Limits

logger = logging.getLogger("django_tasks_oneshot")

PARAMETERS = ("backend", "max_seconds", "queue")

View = TypeVar("View", bound=Callable[..., Any])


def not_in_a_transaction(view: View) -> View:
    """Whatever ATOMIC_REQUESTS says of whichever database: what a run commits is there for others at once."""
    for alias in connections:
        transaction.non_atomic_requests(alias)(view)
    return view


@never_cache
@csrf_exempt  # it asks for a secret that no browser has
@login_not_required
@not_in_a_transaction
@require_http_methods(["GET", "POST"])
def run_due_tasks(request: HttpRequest) -> HttpResponse:
    """One run, of ``ONESHOT["TICK_MAX_SECONDS"]`` or of ``?max_seconds=`` if that is less; answers with its report.

    What still runs then is interrupted, and the answer comes within `WRAP_UP` more. ``?backend=`` and ``?queue=`` are
    those of the command.
    """
    secrets = tick_secrets(os.environ)
    if not secrets:
        logger.error("Nobody may start a run by a request: ONESHOT['TICK_SECRET'] is not set.")
        return _error(503, "ONESHOT['TICK_SECRET'] is not set.")
    try:
        check(request, secrets, time.time())
        asked = _asked(request.GET)
        report = drain_aside(asked.backend, asked.deadline, asked.limits)
    except Refused as error:
        logger.warning("A request for a run was refused: %s.", error)
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    except BadRequest as error:
        return _error(400, str(error))
    except ImproperlyConfigured as error:
        logger.error("A request could not start a run: %s", error)
        return _error(500, str(error))
    except Overrun:
        logger.error("A run that a request started has to be gone, and is not: what its task waits for has no timeout.")
        return _error(503, "The run goes on beyond its time: what its task waits for cannot be interrupted.")
    except (DatabaseFailure, StoreUnavailable):
        logger.exception("A run that a request started ended early. No task is lost.")
        return _error(503, "The database or SQS failed; the log says more. No task is lost.")
    return JsonResponse(report.as_dict())


def _error(status: int, text: str) -> HttpResponse:
    return JsonResponse({"error": text}, status=status)


class Asked(NamedTuple):
    backend: OneshotBackend
    deadline: Deadline
    limits: Limits


def _asked(query: QueryDict) -> Asked:
    if unknown := sorted(set(query) - set(PARAMETERS)):
        raise BadRequest(f"?{unknown[0]}= is not known; write one of: {', '.join(PARAMETERS)}.")
    backend = _backend(query)
    try:
        queues = queues_of(backend, query.getlist("queue"))
    except ValueError as error:
        raise BadRequest(f"?queue={error}") from error
    seconds = min(_max_seconds(query), setting("TICK_MAX_SECONDS"))
    return Asked(backend, Deadline.of_host(seconds + WRAP_UP, WRAP_UP), Limits(queues=queues))


def _backend(query: QueryDict) -> OneshotBackend:
    try:
        return runnable_backend(query.get("backend", DEFAULT_TASK_BACKEND_ALIAS))
    except ImproperlyConfigured as error:
        if "backend" in query:
            raise BadRequest(f"?backend={query['backend']}: {error}") from error
        raise  # by the settings


def _max_seconds(query: QueryDict) -> float:
    text = query.get("max_seconds")
    if text is None:
        return math.inf
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) or float(text) == 0:
        raise BadRequest(f"?max_seconds={text} is not a number of seconds above 0; write 20, or leave it out.")
    return float(text)
