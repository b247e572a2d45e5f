"""A Lambda function URL.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

import base64
import json
import logging
import re
import time
import uuid
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import parse_qsl

from .loopback import LoopbackServer, QuietHandler

logger = logging.getLogger(__name__)

TEXT = re.compile(r"text/.*|application/(json|javascript|xml|.*\+json|.*\+xml)")


class Gateway:
    """Turns requests to ``url`` into calls of ``invoke`` with events of the payload format 2.0, and answers back."""

    def __init__(self, invoke: Callable[[dict[str, Any]], Any]) -> None:
        self._server = _Server(invoke)

    @property
    def url(self) -> str:
        return f"http://{self._server.address}/"

    def close(self) -> None:
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class _Server(LoopbackServer):
    def __init__(self, invoke: Callable[[dict[str, Any]], Any]) -> None:
        self.invoke = invoke
        super().__init__(_Handler)


class _Handler(QuietHandler):
    server: _Server
    timeout = 60  # seconds for the client to send its request

    def _handle(self) -> None:
        if self.headers.get("Transfer-Encoding"):
            self.reply(HTTPStatus.LENGTH_REQUIRED, [])
            return
        event = event_of(self, self.read_body())
        try:
            status, headers, body = response_of(self.server.invoke(event))
        except Exception:
            # FunctionError, or an answer that is no response.
            logger.warning("%s %s failed", self.command, self.path, exc_info=True)
            status, headers, body = HTTPStatus.BAD_GATEWAY, [("Content-Type", "text/plain")], b"Internal Server Error"
        self.reply(status, headers, body)

    do_DELETE = do_GET = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = _handle  # noqa: N815 - the names in the base class


def event_of(request: QuietHandler, body: bytes) -> dict[str, Any]:
    path, _, query = request.path.partition("?")
    headers = headers_of(request)
    cookies = headers.pop("cookie", "")
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": context_of(request, path, headers),
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = [cookie.strip() for cookie in cookies.split(";")]
    if query:
        event["queryStringParameters"] = joined(parse_qsl(query, keep_blank_values=True))
    if body:
        event["body"], event["isBase64Encoded"] = encoded(body, headers.get("content-type", ""))
    return event


def headers_of(request: QuietHandler) -> dict[str, str]:
    """In lower case, with those that Lambda adds. A function URL is always reached by https."""
    separators = {"cookie": ";"}
    headers = joined(((name.lower(), value) for name, value in request.headers.items()), separators)
    forwarded = {"for": request.client_address[0], "proto": "https", "port": "443"}
    return headers | {f"x-forwarded-{name}": value for name, value in forwarded.items()}


def context_of(request: QuietHandler, path: str, headers: dict[str, str]) -> dict[str, Any]:
    now = time.time()
    domain = headers.get("host", "").partition(":")[0]
    return {
        "accountId": "anonymous",
        "apiId": "local",
        "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "http": {
            "method": request.command,
            "path": path,
            "protocol": request.request_version,
            "sourceIp": request.client_address[0],
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": str(uuid.uuid4()),
        "routeKey": "$default",
        "stage": "$default",
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "timeEpoch": int(now * 1000),
    }


def joined(pairs: Any, separators: Mapping[str, str] | None = None) -> dict[str, str]:
    """What occurs several times becomes one value."""
    result: dict[str, str] = {}
    for name, value in pairs:
        separator = (separators or {}).get(name, ",")
        result[name] = f"{result[name]}{separator}{value}" if name in result else value
    return result


def encoded(body: bytes, content_type: str) -> tuple[str, bool]:
    """The body, and whether it is in base64."""
    if TEXT.fullmatch(content_type.partition(";")[0].strip().lower()):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True


def response_of(answer: Any) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body."""
    if not isinstance(answer, Mapping) or "statusCode" not in answer:
        answer = {"statusCode": HTTPStatus.OK, "body": json.dumps(answer)}
    headers = {name.lower(): str(value) for name, value in (answer.get("headers") or {}).items()}
    # Both follow from the body and the connection that there are.
    headers = {name: value for name, value in headers.items() if name not in ("content-length", "connection")}
    headers.setdefault("content-type", "application/json")
    cookies = [("set-cookie", cookie) for cookie in answer.get("cookies") or []]
    body = answer.get("body") or ""
    content = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    return int(answer["statusCode"]), [*headers.items(), *cookies], content
