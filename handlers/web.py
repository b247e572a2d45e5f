"""For a function URL, API Gateway or a load balancer: the project's ASGI application, by Mangum."""

from __future__ import annotations

import asyncio
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.db import connections
from django.utils.module_loading import import_string
from mangum import Mangum

from .invocation import LambdaContext, request_id_in_logs

# A connection that a request has left open may be dead after a freeze.
for database in connections.settings.values():
    database["CONN_HEALTH_CHECKS"] = True

# Mangum works in the event loop of the thread, and since Python 3.14 there is none that nobody has made.
asyncio.set_event_loop(asyncio.new_event_loop())

_path = getattr(settings, "ASGI_APPLICATION", None)
_application: Any = import_string(_path) if _path else get_asgi_application()
_mangum: Any = Mangum(_application, lifespan="off")


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answers a request by the application that ``ASGI_APPLICATION`` of the settings names, or else by Django's own."""
    with request_id_in_logs(context.aws_request_id):
        response: dict[str, Any] = _mangum(event, context)
    return response
