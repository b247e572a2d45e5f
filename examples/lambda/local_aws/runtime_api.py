"""Lambda's Runtime API, of which a runtime asks for its next invocation and to which it answers.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from .loopback import LoopbackServer, QuietHandler

PREFIX = "/2018-06-01/runtime/"


@dataclass(frozen=True)
class Invocation:
    request_id: str
    event: bytes
    function_arn: str
    trace_id: str
    deadline_ms: int  # milliseconds since 1970

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [
            ("Content-Type", "application/json"),
            ("Lambda-Runtime-Aws-Request-Id", self.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(self.deadline_ms)),
            ("Lambda-Runtime-Invoked-Function-Arn", self.function_arn),
            ("Lambda-Runtime-Trace-Id", self.trace_id),
        ]


@dataclass(frozen=True)
class Answer:
    body: bytes
    content_type: str
    is_error: bool


class RuntimeApi:
    """What one process of a function sees of Lambda, from its start to its end."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._is_closed = False
        self._waiting: Invocation | None = None
        self._current: Invocation | None = None
        self.is_idle = False  # the process asks for an invocation, and there is none
        self.answer: Answer | None = None  # to the invocation that was submitted last
        self.init_error: Answer | None = None
        self._server = _Server(self)

    @property
    def address(self) -> str:
        return self._server.address

    def submit(self, invocation: Invocation) -> None:
        with self._changed:
            self._waiting, self.answer, self.is_idle = invocation, None, False
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Whether it came about in this time."""
        with self._changed:
            return self._changed.wait_for(condition, seconds)

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._server.close()

    # What the process asks for, each in a thread of the server.

    def next_invocation(self) -> Invocation | None:
        """None when there will be no other one."""
        with self._changed:
            self.is_idle = self._waiting is None
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting is not None or self._is_closed)
            self._current, self._waiting = self._waiting, None
            return self._current

    def take_answer(self, request_id: str, answer: Answer) -> bool:
        """False for an invocation that is not the current one."""
        with self._changed:
            if self._current is None or self._current.request_id != request_id:
                return False
            self._current, self.answer = None, answer
            self._changed.notify_all()
            return True

    def take_init_error(self, answer: Answer) -> None:
        with self._changed:
            self.init_error = answer
            self._changed.notify_all()


class _Server(LoopbackServer):
    def __init__(self, api: RuntimeApi) -> None:
        self.api = api
        super().__init__(_Handler)


class _Handler(QuietHandler):
    server: _Server

    def do_GET(self) -> None:  # noqa: N802 - the name that the base class calls
        if self.path != f"{PREFIX}invocation/next":
            self._refuse(HTTPStatus.NOT_FOUND, "NotFound")
            return
        self.close_connection = True
        invocation = self.server.api.next_invocation()
        if invocation is not None:
            self.reply(HTTPStatus.OK, invocation.headers, invocation.event)

    def do_POST(self) -> None:  # noqa: N802
        body, content_type = self.read_body(), self.headers.get("Content-Type", "")
        match self.path.removeprefix(PREFIX).split("/"):
            case ["init", "error"]:
                self.server.api.take_init_error(Answer(body, content_type, is_error=True))
                self._accept()
            case ["invocation", request_id, "response" | "error" as kind]:
                answer = Answer(body, content_type, is_error=kind == "error")
                if self.server.api.take_answer(request_id, answer):
                    self._accept()
                else:
                    self._refuse(HTTPStatus.BAD_REQUEST, "InvalidRequestID")
            case _:
                self._refuse(HTTPStatus.NOT_FOUND, "NotFound")

    def _accept(self) -> None:
        self.reply(HTTPStatus.ACCEPTED, [("Content-Type", "application/json")], b'{"status":"OK"}')

    def _refuse(self, status: int, error_type: str) -> None:
        body = f'{{"errorType":"{error_type}","errorMessage":"{error_type}"}}'
        self.reply(status, [("Content-Type", "application/json")], body.encode())
