import json
import os
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from .cloud import ACCOUNT, ENVIRONMENT, REGION
from .errors import FunctionError
from .process import read_all
from .runtime_api import Answer, Invocation
from .sandbox import Sandbox

INIT_SECONDS = 60.0  # Lambda gives 10; here imports share the machine with whatever else runs on it


class LambdaFunction:
    """A function as Lambda runs it: in a process of AWS's runtime client, which stays for the next invocation.

    ``handler`` is ``"module.function"``, found in ``directory`` (default: the current one). The process gets
    ``environment`` and what Lambda sets, and inherits nothing of ours but PATH. An invocation may take ``timeout``
    seconds. With ``freeze`` the process is stopped between invocations, as on Lambda.
    """

    def __init__(
        self,
        handler: str,
        *,
        environment: Mapping[str, str],
        timeout: float,
        name: str = "function",
        directory: Path | None = None,
        python: str = sys.executable,
        freeze: bool = True,
        init_timeout: float = INIT_SECONDS,
    ) -> None:
        self.name = name
        self.timeout = timeout
        self.arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
        self._handler = handler
        self._directory = directory or Path.cwd()
        self._python = python
        self._freeze = freeze
        self._init_timeout = init_timeout
        self._environment = {**defaults(), **environment, **reserved(name, handler, self._directory)}
        self._lock = threading.Lock()  # one invocation at a time
        self._sandbox: Sandbox | None = None
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        self._last_logs: str | None = None

    def invoke(self, event: Mapping[str, Any]) -> Any:
        """Returns what the handler returned, as JSON brings it back. Raises ``FunctionError`` for all else."""
        payload = json.dumps(event).encode()
        with self._lock:
            if self._last_logs is not None:
                raise RuntimeError(f"{self.name} is closed.")
            try:
                answer = self._invoke(payload)
            except BaseException:
                self._end_sandbox()
                raise
            return result_of(answer)

    @property
    def pid(self) -> int | None:
        """The process that waits for an invocation or has one; None before a cold start."""
        return self._sandbox.pid if self._sandbox else None

    def logs(self) -> str:
        """All that the function's processes have written to stdout and stderr."""
        written = read_all(self._output) if self._last_logs is None else self._last_logs
        # The runtime client sends a traceback as one line of the log.
        return written.replace("\r", "\n").replace("\N{NO-BREAK SPACE}", " ")

    def close(self) -> None:
        """Ends the process, after the invocation that it may have."""
        with self._lock:
            if self._last_logs is None:
                self._end_sandbox()
                self._last_logs = read_all(self._output)
                self._output.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _invoke(self, event: bytes) -> Answer:
        request_id = str(uuid.uuid4())
        if self._sandbox and not self._sandbox.is_alive():
            self._end_sandbox()
        if self._sandbox is None:
            self._sandbox = self._start_sandbox()
            if error := self._sandbox.wait_until_initialised(request_id, self._init_timeout):
                self._end_sandbox()
                return error
        answer = self._sandbox.invoke(self._invocation(request_id, event), self.timeout)
        if not self._sandbox.is_usable:
            self._end_sandbox()
        elif self._freeze:
            self._sandbox.freeze()
        return answer

    def _invocation(self, request_id: str, event: bytes) -> Invocation:
        now = time.time()
        return Invocation(
            request_id=request_id,
            event=event,
            function_arn=self.arn,
            trace_id=f"Root=1-{int(now):08x}-{uuid.uuid4().hex[:24]};Parent={uuid.uuid4().hex[:16]};Sampled=0",
            deadline_ms=int((now + self.timeout) * 1000),
        )

    def _start_sandbox(self) -> Sandbox:
        return Sandbox(
            self._handler,
            python=self._python,
            environment=self._environment,
            output=self._output,
            directory=self._directory,
        )

    def _end_sandbox(self) -> None:
        sandbox, self._sandbox = self._sandbox, None
        if sandbox:
            sandbox.close()


def result_of(answer: Answer) -> Any:
    if answer.is_error:
        # Of an error in the initialisation the runtime client sends what it can in Latin-1, from Python 3.12 on.
        payload = json.loads(answer.body.decode(errors="replace"))
        raise FunctionError(payload["errorType"], payload["errorMessage"], payload)
    # A handler that returns bytes means them.
    return json.loads(answer.body) if answer.content_type == "application/json" else answer.body


def defaults() -> dict[str, str]:
    """What a function's configuration may change."""
    return {
        **ENVIRONMENT,
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    }


def reserved(name: str, handler: str, directory: Path) -> dict[str, str]:
    """What it may not."""
    version = "{}.{}".format(*sys.version_info)
    return {
        "_HANDLER": handler,
        "AWS_REGION": REGION,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{version}",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        "LAMBDA_TASK_ROOT": str(directory),
    }
