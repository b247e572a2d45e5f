"""A run, started by a request: for hosts that call a URL now and then."""

from __future__ import annotations

import logging
import math
import os
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
from .http.credentials import may_run, tick_secrets
from .http.own_thread import drain_aside
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
        return HttpResponse(status=503)
    try:
        if not may_run(request, secrets, time.time()):
            return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
        asked = _asked(request.GET)
        report = drain_aside(asked.backend, asked.deadline, asked.limits)
    except BadRequest as error:
        return JsonResponse({"error": str(error)}, status=400)
    except (DatabaseFailure, StoreUnavailable):
        logger.exception("The run ended early. No task is lost: what was not recorded is claimed again.")
        return JsonResponse({"error": "The run ended early; the log says why. No task is lost."}, status=503)
    return JsonResponse(report.as_dict())


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
    text = query.get("max_seconds", "inf")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not value > 0:
        raise BadRequest(f"?max_seconds={text} is not a number of seconds above 0; write 20, or leave it out.")
    return value
