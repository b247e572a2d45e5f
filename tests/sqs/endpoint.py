"""SQS on a bad day: a proxy before moto that counts requests, fails, loses answers and delivers twice.

with Endpoint(os.environ["ONESHOT_SQS"]) as endpoint:
    client = boto3.client("sqs", endpoint_url=endpoint.url)
    endpoint.faults = [Fault(action="SendMessage", times=1, after=True)]
"""

from __future__ import annotations

import json
import random
import socket
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

JSON = "application/x-amz-json-1.0"
BATCHES = {"SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"}
HOP_BY_HOP = {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}


@dataclass(kw_only=True)
class Fault:
    """What happens to requests, instead of an answer. Without ``times`` and ``share`` it happens to all of them."""

    action: str | None = None  # None: any
    status: int = 503
    code: str = "ServiceUnavailable"
    times: int | None = None
    share: float = 1.0
    after: bool = False  # SQS does what it is asked to, only its answer is lost
    close: bool = False  # the connection, without an answer
    entries: int = 0  # only so many of a batch, the first ones, fail
    struck: int = field(default=0, init=False)

    def strikes(self, action: str, chance: random.Random) -> bool:
        if self.action not in (None, action) or self.struck == self.times or (self.entries and action not in BATCHES):
            return False
        if chance.random() >= self.share:
            return False
        self.struck += 1
        return True


@dataclass(kw_only=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @classmethod
    def of(cls, content: dict[str, Any], status: int = 200, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(status=status, headers={"Content-Type": JSON, **named}, body=json.dumps(content).encode())

    @classmethod
    def error(cls, fault: Fault) -> Answer:
        content = {"__type": f"com.amazonaws.sqs#{fault.code}", "message": f"{fault.code}, made by a test."}
        blame = "Sender" if fault.status < 500 else "Receiver"
        return cls.of(content, fault.status, x_amzn_query_error=f"{fault.code};{blame}")


class Endpoint:
    """A proxy. ``faults`` are asked in their order, and the first that strikes a request is the only one."""

    def __init__(self, target_url: str, *, seed: int = 0) -> None:
        target = urlsplit(target_url)
        assert target.hostname is not None
        self.target = (target.hostname, target.port or 80)
        self.faults: list[Fault] = []
        self.duplicate_share = 0.0
        self._chance = random.Random(seed)
        self._requests: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._server = Server(self)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def requests(self) -> Counter[str]:
        """By action, with those that a client repeats on its own."""
        with self._lock:
            return self._requests.copy()

    def reset(self) -> None:
        """Counts from zero. What goes wrong, goes on."""
        with self._lock:
            self._requests.clear()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()

    def answer(self, request: Request) -> Answer | None:
        """None: the connection is closed."""
        fault = self._count(request.action)
        if fault is None:
            return self._delivered(request, self.passed_on(request))
        if fault.entries:
            return self._partly_passed_on(request, fault.entries)
        if fault.after:
            self.passed_on(request)
        return None if fault.close else Answer.error(fault)

    def passed_on(self, request: Request) -> Answer:
        with closing(HTTPConnection(*self.target)) as connection:
            connection.connect()
            with self._ended_with_the_server(connection.sock):
                connection.request("POST", request.path, request.body, request.headers)
                response = connection.getresponse()
                body = response.read()
        headers = {name: value for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP}
        return Answer(status=response.status, headers=headers, body=body)

    @contextmanager
    def _ended_with_the_server(self, connection: socket.socket) -> Iterator[None]:
        self._server.add(connection)
        try:
            yield
        finally:
            self._server.discard(connection)

    def _count(self, action: str) -> Fault | None:
        with self._lock:
            self._requests[action] += 1
            return next((fault for fault in self.faults if fault.strikes(action, self._chance)), None)

    def _partly_passed_on(self, request: Request, count: int) -> Answer:
        content = request.content
        failed, content["Entries"] = content["Entries"][:count], content["Entries"][count:]
        result: dict[str, Any] = {"Successful": []}
        if content["Entries"]:  # an empty batch would be an error
            answer = self.passed_on(request.with_content(content))
            if answer.status != 200:
                return answer
            result = json.loads(answer.body)
        result["Failed"] = [*map(failure_of, failed), *result.get("Failed", [])]
        return Answer.of(result)

    def _delivered(self, request: Request, answer: Answer) -> Answer:
        if request.action == "ReceiveMessage" and answer.status == 200:
            messages = json.loads(answer.body).get("Messages", [])
            if messages and self._duplicates():
                self._show_again(request, messages)
        return answer

    def _duplicates(self) -> bool:
        with self._lock:
            return self._chance.random() < self.duplicate_share

    def _show_again(self, request: Request, messages: list[dict[str, Any]]) -> None:
        entries = [
            {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
            for number, message in enumerate(messages)
        ]
        content = {"QueueUrl": request.content["QueueUrl"], "Entries": entries}
        self.passed_on(request.with_content(content, action="ChangeMessageVisibilityBatch"))


@dataclass(kw_only=True)
class Request:
    path: str
    headers: dict[str, str]
    body: bytes

    @classmethod
    def of(cls, path: str, headers: Message, body: bytes) -> Request:
        # The host stays the client's: moto puts it into the URLs of queues.
        kept = {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP}
        return cls(path=path, headers=kept, body=body)

    @property
    def action(self) -> str:
        return self.headers.get("X-Amz-Target", "").rpartition(".")[2]

    @property
    def content(self) -> Any:
        return json.loads(self.body)

    def with_content(self, content: dict[str, Any], action: str | None = None) -> Request:
        headers = {**self.headers, "X-Amz-Target": f"AmazonSQS.{action or self.action}"}
        return Request(path=self.path, headers=headers, body=json.dumps(content).encode())


def failure_of(entry: dict[str, Any]) -> dict[str, Any]:
    return {"Id": entry["Id"], "SenderFault": False, "Code": "InternalError", "Message": "Made by a test."}


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is one packet
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = self.server.endpoint.answer(Request.of(self.path, self.headers, body))
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *arguments: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Knows its connections, and those behind it, so that it can end while clients keep theirs or poll."""

    daemon_threads = False  # closing it waits for them

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._connections: set[socket.socket] = set()
        self._ending = False
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), Handler)

    def add(self, connection: socket.socket) -> None:
        with self._lock:
            if self._ending:
                raise ConnectionAbortedError
            self._connections.add(connection)

    def discard(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.discard(connection)

    def hang_up(self) -> None:
        with self._lock:
            self._ending = True
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients are killed, and moto ends: that is no news."""
        if not isinstance(sys.exception(), (ConnectionError, HTTPException)):
            super().handle_error(request, client_address)
