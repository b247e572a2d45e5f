"""Plays Vercel: the site is there, and a GET comes to the path of vercel.json with the secret."""

import http.client
import json
import secrets
import socket
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from django.utils import timezone

from demo_parts.stage import DemoFailed, clock, seconds_left

from .process import PROJECT, started

CRON_SECRET = secrets.token_urlsafe(32)
WORKERS = 2


class Answer(NamedTuple):
    status: int
    body: str


class Vercel:
    def __init__(self, port: int, log: Path) -> None:
        self._port = port
        self._log = log
        (cron,) = json.loads((PROJECT / "vercel.json").read_text())["crons"]
        self._path = cron["path"]

    def call(self, secret: str = "") -> Answer:
        headers = {"User-Agent": "vercel-cron/1.0", **({"Authorization": f"Bearer {secret}"} if secret else {})}
        client = http.client.HTTPConnection("127.0.0.1", self._port, timeout=max(1, seconds_left()))
        try:
            with closing(client):
                client.request("GET", self._path, headers=headers)
                response = client.getresponse()
                answer = Answer(response.status, response.read().decode())
        except (OSError, http.client.HTTPException) as error:
            raise DemoFailed(f"The site did not answer: {error!r}.\n{self._log.read_text()}") from error
        if answer.status >= 500:
            raise DemoFailed(f"The site answered {answer.status}.\n{self._log.read_text()}")
        return answer

    def call_at_once(self, times: int, secret: str = "") -> list[Answer]:
        """So many calls at the same time; each is shown, and then its answer."""
        option = "-H 'Authorization: Bearer '$CRON_SECRET " if secret else ""
        for _ in range(times):
            print(f"{clock(timezone.now())} $ curl {option}'http://127.0.0.1:{self._port}{self._path}'", flush=True)
        barrier = threading.Barrier(times)

        def call(_: int) -> Answer:
            barrier.wait()
            return self.call(secret)

        with ThreadPoolExecutor(times) as clients:
            try:
                answers = list(clients.map(call, range(times)))
            finally:
                barrier.abort()  # Ctrl-C may have come before all were there, and the others would wait for ever
        for answer in answers:
            print(f"    {answer.status} {answer.body}".rstrip(), flush=True)
        return answers


@contextmanager
def open_vercel(environment: Mapping[str, str], directory: Path) -> Iterator[Vercel]:
    """The site is served as the Procfile says, until the end: Vercel has a server of its own for that."""
    log = directory / "gunicorn.log"
    with socket.create_server(("127.0.0.1", 0)) as server, log.open("w") as output:
        # It is given a socket that listens already: nobody else can take the port, and a call waits until it is up.
        options = f"--bind fd://{server.fileno()} --workers {WORKERS}"
        with started(
            command_of_procfile("web"),
            environment={
                **environment,
                "HOME": str(directory),  # where gunicorn leaves a socket of its own
                "GUNICORN_CMD_ARGS": options,
                "VERCEL": "1",
                "CRON_SECRET": CRON_SECRET,
            },
            output=output,
            pass_fds=[server.fileno()],
        ):
            port = server.getsockname()[1]
            server.close()  # ours, else calls would wait for a server that could not start
            yield Vercel(port, log)


def command_of_procfile(process_type: str) -> str:
    lines = (PROJECT / "Procfile").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines)[process_type]
