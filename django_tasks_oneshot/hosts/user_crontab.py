"""The crontab of the user, by way of ``crontab(1)``."""

from __future__ import annotations

import os
import re
import subprocess
from typing import NamedTuple

# As cron, cronie and macOS say it; and Busybox. Anything else may hide one that is there.
_THERE_IS_NONE = re.compile(
    r"\A(crontab: )?no crontab for |\Acrontab: can't open '[^']*': No such file or directory\s*\Z"
)


class CrontabError(Exception):
    """``crontab`` is not there, or did not do it. The crontab is as it was."""


def read_crontab() -> str:
    """Of the user who runs this process; empty if there is none."""
    done = _crontab("-l")
    if done.returncode == 0:
        return done.stdout
    if _THERE_IS_NONE.search(done.stderr):
        return ""
    raise CrontabError(f"`crontab -l` failed: {done.stderr.strip()}")


def write_crontab(text: str, *, instead_of: str) -> None:
    """All of it at once: cron has the old one or the new one. Not if somebody has changed it meanwhile."""
    if read_crontab() != instead_of:
        raise CrontabError("Somebody has changed the crontab meanwhile. Nothing was written; type the command again.")
    done = _crontab("-", text=text)
    if done.returncode != 0:
        raise CrontabError(f"`crontab` has refused it, and nothing was written: {done.stderr.strip()}")


class _Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def _crontab(*arguments: str, text: str = "") -> _Done:
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and its own words
            ["crontab", *arguments],  # noqa: S607 - wherever this system has it
            input=text.encode("utf-8", "surrogateescape"),
            capture_output=True,
            env={**os.environ, "CRONTAB_NOHEADER": "Y"},  # else Debian's may begin with lines that it adds again
            check=False,
        )
    except OSError as error:
        raise CrontabError(f"There is no `crontab` here ({error.strerror}): install cron.") from error
    return _Done(done.returncode, _text(done.stdout), _text(done.stderr))


def _text(output: bytes) -> str:
    """Lines of others may be in any encoding, and end in any way; they stay as they are."""
    return output.decode("utf-8", "surrogateescape")
