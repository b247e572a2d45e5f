"""Real servers and clients."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from django.db import connection

from django_tasks_oneshot.compat import TaskResultStatus
from django_tasks_oneshot.models import UsedSignature
from tests.project.shop import tasks
from tests.project.shop.models import Execution

from .conftest import SECRET, URL, signed

WSGI = ("gunicorn", "--worker-tmp-dir", "/tmp", "django.core.wsgi:get_wsgi_application()", "--bind")
SERVERS = {
    "sync": (*WSGI, "127.0.0.1:{port}", "--workers", "2"),
    "threads": (*WSGI, "127.0.0.1:{port}", "--threads", "8"),
    "asgi": ("uvicorn", "--factory", "django.core.asgi:get_asgi_application", "--port", "{port}", "--lifespan", "off"),
}


class Answer(NamedTuple):
    status: int
    body: bytes


class Server:
    def __init__(self, name, log):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = log
        environment = {
            "DJANGO_SETTINGS_MODULE": "tests.project.settings",
            "ONESHOT_DATABASE": str(connection.settings_dict["NAME"]),
            "ONESHOT_TICK_SECRET": SECRET,
            "ONESHOT_TICK_MAX_SECONDS": "60",
        }
        arguments = [each.format(port=self.port) for each in SERVERS[name]]
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                env={**os.environ, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def is_up(self):
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.call(authorization="").status == 401
        except OSError:
            return False

    def call(self, query="", *, authorization=f"Bearer {SECRET}"):
        return self.end(self.begin(query, authorization=authorization))

    def begin(self, query="", *, authorization=f"Bearer {SECRET}"):
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        client.request("POST", f"{URL}?{query}", headers={"Authorization": authorization})
        return client

    def end(self, client):
        with closing(client), client.getresponse() as response:
            return Answer(response.status, response.read())


@pytest.fixture
def serve(rows, tmp_path, eventually):
    started = []

    def serve(name):
        started.append(Server(name, tmp_path / "log"))
        eventually(started[-1].is_up)
        return started[-1]

    yield serve
    for each in started:
        each.process.kill()
        each.process.wait()


@pytest.fixture(params=SERVERS)
def server(serve, request):
    return serve(request.param)


def status_of(result):
    result.refresh()
    return result.status


def test_a_run_ends_and_is_recorded_though_the_client_has_hung_up(server, tmp_path, eventually):
    result = tasks.write_down_and_wait.enqueue(str(tmp_path / "gate"))
    client = server.begin()
    eventually(Execution.objects.exists)
    client.close()
    assert server.call(authorization="").status == 401  # a server that waits for that run answers nobody
    (tmp_path / "gate").touch()
    eventually(lambda: status_of(result) == TaskResultStatus.SUCCESSFUL)
    eventually(lambda: json.loads(server.call().body)["stopped_because"] == "empty")


def test_meanwhile_the_site_answers(serve, tmp_path, eventually):
    """One event loop: if the run blocked it, the gate would be opened by nobody."""
    server = serve("asgi")
    result = tasks.write_down_and_wait.enqueue(str(tmp_path / "gate"))
    client = server.begin()
    eventually(Execution.objects.exists)
    assert server.call(authorization="").status == 401
    assert json.loads(server.call().body)["stopped_because"] == "busy"
    (tmp_path / "gate").touch()
    assert json.loads(server.end(client).body)["succeeded"] == 1
    assert status_of(result) == TaskResultStatus.SUCCESSFUL


def test_a_server_that_has_to_end_lets_the_run_end(server, tmp_path, eventually):
    result = tasks.write_down_and_wait.enqueue(str(tmp_path / "gate"))
    client = server.begin()
    eventually(Execution.objects.exists)
    server.process.send_signal(signal.SIGTERM)
    (tmp_path / "gate").touch()
    assert json.loads(server.end(client).body)["succeeded"] == 1
    assert status_of(result) == TaskResultStatus.SUCCESSFUL
    assert server.process.wait(60) in (0, -signal.SIGTERM), server.log.read_text()


LEAVES_ITS_RUN = f"""
import threading
from django.test import Client
def call():
    Client().post({URL!r}, headers={{"Authorization": "Bearer {SECRET}"}})
threading.Thread(target=call, daemon=True).start()
while not any(thread.name == "oneshot-run" for thread in threading.enumerate()):
    pass
"""


def test_a_run_that_outlives_its_server_starts_nothing_more(manage):
    """Python's executors have ended by then, and an async task would fail."""
    running, waiting = tasks.sleep.enqueue(1), tasks.hang_async.enqueue(0)
    process = manage.start_code(LEAVES_ITS_RUN, ONESHOT_TICK_SECRET=SECRET)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert (status_of(running), running.attempts) == (TaskResultStatus.SUCCESSFUL, 1)
    assert (status_of(waiting), waiting.attempts) == (TaskResultStatus.READY, 0)


def test_of_200_calls_at_once_each_is_answered_and_each_task_runs_once(server):
    results = [tasks.noop.enqueue() for _ in range(50)]
    with ThreadPoolExecutor(200) as clients:
        answers = list(clients.map(lambda _: server.call(), range(200)))
    assert {answer.status for answer in answers} == {200}
    reports = [json.loads(answer.body) for answer in answers]
    assert {report["stopped_because"] for report in reports} <= {"empty", "busy"}
    assert sum(report["succeeded"] for report in reports) == 50
    assert {status_of(result) for result in results} == {TaskResultStatus.SUCCESSFUL}
    assert {result.attempts for result in results} == {1}


def test_of_200_calls_with_one_signature_one_is_let_in(server):
    once = signed()
    with ThreadPoolExecutor(200) as clients:
        answers = list(clients.map(lambda _: server.call(authorization=once), range(200)))
    assert sorted(answer.status for answer in answers) == [200] + [401] * 199
    assert UsedSignature.objects.count() == 1


@pytest.mark.skipif(not all(map(shutil.which, ("curl", "openssl"))), reason="curl or openssl was not found")
def test_what_the_page_has_for_a_shell_is_let_in(serve):
    server = serve("threads")
    page = (Path(__file__).parents[2] / "docs" / "http.md").read_text()
    blocks = [block for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) if "curl" in block]
    assert len(blocks) == 2
    for block in blocks:
        result = tasks.noop.enqueue()
        script = block.replace("https://example.com", f"http://127.0.0.1:{server.port}")
        environment = {**os.environ, "TICK_SECRET": SECRET, "no_proxy": "*"}
        done = subprocess.run(["sh", "-euc", script], env=environment, capture_output=True, text=True, timeout=120)
        assert json.loads(done.stdout)["succeeded"] == 1, done.stderr
        assert status_of(result) == TaskResultStatus.SUCCESSFUL


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param("Bearer pässwört-pässwört".encode(), id="not ASCII"),
        pytest.param(b"Bearer \xff\xfe\x80\x81", id="not UTF-8"),
        pytest.param(b"Bearer " + b"x" * 4_000, id="large"),
        pytest.param(b"Bearer " + b"x" * 500_000, id="larger than servers take"),
        pytest.param(b"Bearer " + SECRET.encode()[:-1], id="truncated"),
        pytest.param(b"Bearer " + SECRET.encode() + b"\xc3\xa4", id="the secret and more"),
        pytest.param(b"Bearer " + SECRET.encode() + b"\xa0", id="the secret and a space of Latin-1"),
        pytest.param(b"\xf0\x9f\x94\x91", id="no scheme"),
        pytest.param(b"HMAC-SHA256 " + b"9" * 4_000 + b":" + b"0" * 64, id="a large timestamp"),
    ],
)
def test_bytes_that_no_client_would_send_let_nobody_in(server, authorization):
    result = tasks.noop.enqueue()
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        try:
            client.sendall(b"POST /tasks/run/ HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: " + authorization)
            client.sendall(b"\r\nConnection: close\r\n\r\n")
            answer = client.recv(100_000)
        except ConnectionError:  # the server reads no such header to its end
            answer = b""
    assert answer == b"" or answer.split()[1] in (b"400", b"401", b"431")
    assert status_of(result) == TaskResultStatus.READY
