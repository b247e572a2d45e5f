import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from .errors import platform_error
from .process import kill, signal_group, start_python
from .runtime_api import Answer, Invocation, RuntimeApi

SECONDS_UNTIL_A_DEATH_IS_SEEN = 0.02


class Sandbox:
    """One process of a function, with a Runtime API of its own: a late word of a dead process reaches nobody."""

    def __init__(
        self, handler: str, *, python: str, environment: Mapping[str, str], output: IO[bytes], directory: Path
    ) -> None:
        self._api = RuntimeApi()
        self._is_frozen = False
        self.is_usable = True
        try:
            self._process = start_python(
                "-m",
                "awslambdaric",
                handler,
                python=python,
                environment={**environment, "AWS_LAMBDA_RUNTIME_API": self._api.address},
                output=output,
                directory=directory,
            )
        except BaseException:
            self._api.close()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def wait_until_initialised(self, request_id: str, seconds: float) -> Answer | None:
        """Returns the error with which the initialisation ended, if it did."""
        self._wait_for(lambda: self._api.is_idle or self._api.init_error is not None, request_id, seconds)
        return self._api.init_error

    def invoke(self, invocation: Invocation, seconds: float) -> Answer:
        """Leaves the process waiting for the next one, or says that it is not usable."""
        until = time.monotonic() + seconds
        self._thaw()
        self._api.submit(invocation)
        self._wait_for(lambda: self._api.answer is not None, invocation.request_id, seconds)
        assert self._api.answer is not None  # noqa: S101
        # It has answered, whatever becomes of it now.
        self.is_usable = self._wait(lambda: self._api.is_idle, until)
        return self._api.answer

    def freeze(self) -> None:
        """It does not get on, not even in its threads, until it is invoked again."""
        signal_group(self._process, signal.SIGSTOP)
        self._is_frozen = True

    def close(self) -> None:
        kill(self._process)
        self._api.close()

    def _thaw(self) -> None:
        if self._is_frozen:
            signal_group(self._process, signal.SIGCONT)
            self._is_frozen = False

    def _wait_for(self, condition: Callable[[], bool], request_id: str, seconds: float) -> None:
        if self._wait(condition, time.monotonic() + seconds):
            return
        if self._process.returncode is not None:
            raise platform_error("Runtime.ExitError", request_id, how_it_exited(self._process))
        raise platform_error("Sandbox.Timedout", request_id, f"Task timed out after {seconds:.2f} seconds")

    def _wait(self, condition: Callable[[], bool], until: float) -> bool:
        """False when the process dies or the time (``time.monotonic``) is over before."""
        while (left := until - time.monotonic()) > 0:
            if self._api.wait_for(condition, min(left, SECONDS_UNTIL_A_DEATH_IS_SEEN)):
                return True
            if not self.is_alive():
                break
        return condition()  # it may have been the last thing that it did


def how_it_exited(process: subprocess.Popen[bytes]) -> str:
    """In Lambda's words."""
    if process.returncode == 0:
        return "Runtime exited without providing a reason"
    if process.returncode > 0:
        return f"Runtime exited with error: exit status {process.returncode}"
    name = signal.strsignal(-process.returncode) or str(-process.returncode)
    return f"Runtime exited with error: signal: {name.lower()}"
