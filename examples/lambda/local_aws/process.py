"""Processes that do not outlive the one that started them, however that one ends."""

import os
import signal
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO

# The kernel kills the child when the *thread* that started it ends. This one lasts as long as the interpreter.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="local_aws.process")

# Linux only: elsewhere a process that dies without closing its children leaves them. It may also be dead by the time
# that the child asks for the signal.
_LEASHED = f"""
import os, sys
if sys.platform == "linux":
    import ctypes
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, {int(signal.SIGKILL)})
parent, *arguments = sys.argv[1:]
if os.getppid() == int(parent):
    os.execv(sys.executable, [sys.executable, *arguments])
"""


def start_python(
    *arguments: str, python: str, environment: Mapping[str, str], output: IO[bytes], directory: Path | None = None
) -> subprocess.Popen[bytes]:
    """Starts ``python ...`` as the leader of a process group, with all that it writes in ``output``."""
    command = [python, "-I", "-S", "-c", _LEASHED, str(os.getpid()), *arguments]
    starting = _starter.submit(
        subprocess.Popen,
        command,
        env=environment,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        process_group=0,
    )
    return starting.result()


def signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Ends it with all that it started, also when it is stopped, and leaves no zombie."""
    signal_group(process, signal.SIGKILL)
    process.wait()


def read_all(file: IO[bytes]) -> str:
    """What was written so far; the position, which the file shares with those who write, stays where it is."""
    size = os.fstat(file.fileno()).st_size
    return os.pread(file.fileno(), size, 0).decode(errors="replace")
