"""How this machine starts the command: for crontab lines and units of systemd, which know no virtualenv."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class LocalProject:
    """All paths are absolute, and have their links: a virtualenv is known by the link that its ``python`` is."""

    directory: Path
    words: tuple[str, ...]  # that come before the name of a command
    options: tuple[str, ...] = ()  # that come after it
    environment: tuple[tuple[str, str], ...] = ()
    env_file: Path | None = None  # with lines that a shell and systemd understand alike
    log: Path | None = None

    @classmethod
    def found(cls, program: str, settings: str, **options: Any) -> LocalProject:
        """As this process was started: ``program`` is what ``sys.argv`` begins with."""
        script = Path(os.path.abspath(program))  # noqa: PTH100 - resolve() would follow links
        named = ("--settings", settings) if settings else ()
        python = os.path.abspath(sys.executable)  # noqa: PTH100
        if script.suffix == ".py" and script.name != "__main__.py":
            return cls(directory=script.parent, words=(python, script.name), options=named, **options)
        here = Path.cwd()
        named = (*named, "--pythonpath", str(here))
        return cls(directory=here, words=(python, "-m", "django"), options=named, **options)

    def shell_command(self, run: str) -> str:
        """For ``/bin/sh``, wherever it is started and whatever its environment is."""
        steps = [f"cd {shlex.quote(str(self.directory))}"]
        if self.env_file:
            steps += ["set -a", f". {shlex.quote(str(self.env_file))}", "set +a"]
        variables = [f"{name}={shlex.quote(value)}" for name, value in self.environment]
        output = [f">> {shlex.quote(str(self.log))} 2>&1"] if self.log else []
        words = [*variables, shlex.join(self.words), run, shlex.join(self.options), *output]
        return " && ".join([*steps, " ".join(filter(None, words))])
