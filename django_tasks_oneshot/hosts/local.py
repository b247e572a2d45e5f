"""How this machine starts the command: for crontab lines and units of systemd, which know no virtualenv."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class UnusableFile(ValueError):
    """A run that is given it could not start."""


@dataclass(frozen=True, kw_only=True)
class LocalProject:
    """All paths are absolute, and have their links: a virtualenv is known by the link that its ``python`` is."""

    directory: Path
    settings: str = ""
    words: tuple[str, ...]  # that come before the name of a command
    options: tuple[str, ...] = ()  # that come after it
    environment: tuple[tuple[str, str], ...] = ()
    env_file: Path | None = None  # with lines that a shell and systemd understand alike
    log: Path | None = None

    @classmethod
    def found(cls, program: str, settings: str, python_path: str | None, **options: Any) -> LocalProject:
        """As this process was started: ``program`` is what ``sys.argv`` begins with."""
        python = os.path.abspath(sys.executable)  # noqa: PTH100 - resolve() would follow links
        named = ("--settings", settings) if settings else ()
        script = Path(os.path.abspath(program))  # noqa: PTH100
        if script.suffix == ".py" and script.name != "__main__.py":
            return cls(
                directory=script.parent, settings=settings, words=(python, script.name), options=named, **options
            )
        directory = Path(os.path.abspath(python_path)) if python_path else _directory_of(settings)  # noqa: PTH100
        named = (*named, "--pythonpath", str(directory))
        return cls(directory=directory, settings=settings, words=(python, "-m", "django"), options=named, **options)

    @property
    def project(self) -> str:
        """What tells it from others on the machine: one directory may have several settings."""
        return f"{self.directory} {self.settings}".rstrip()

    def check_files(self) -> None:
        """Raises `UnusableFile` for what would keep each run from starting, where nobody might hear of it."""
        for path in filter(None, (self.directory, self.env_file, self.log)):
            if not str(path).isprintable() or str(path).endswith("\\"):
                raise UnusableFile(f"{str(path)!r} cannot be written into a configuration; give it another name.")
        if self.env_file and not self.env_file.is_file():
            raise UnusableFile(f"--env-file {self.env_file}: there is no such file.")
        if self.log and not self.log.parent.is_dir():
            raise UnusableFile(f"--log {self.log}: there is no directory {self.log.parent}.")
        if self.env_file:
            read = subprocess.run(  # noqa: S603
                ["sh", "-n", str(self.env_file)],  # noqa: S607
                capture_output=True,
                text=True,
                check=False,
            )
            if read.returncode != 0:
                raise UnusableFile(f"--env-file: write NAME='value', for a shell cannot read it: {read.stderr.strip()}")

    def shell_command(self, run: str) -> str:
        """For ``/bin/sh``, wherever it is started and whatever its environment is."""
        steps = [f"cd {shlex.quote(str(self.directory))}"]
        if self.env_file:
            steps += ["set -a", f". {shlex.quote(str(self.env_file))}", "set +a"]
        variables = [f"{name}={shlex.quote(value)}" for name, value in self.environment]
        output = [f">> {shlex.quote(str(self.log))} 2>&1"] if self.log else []
        words = [*variables, shlex.join(self.words), run, shlex.join(self.options), *output]
        return " && ".join([*steps, " ".join(filter(None, words))])


def _directory_of(settings: str) -> Path:
    """From where the settings were imported."""
    package = sys.modules.get(settings.partition(".")[0])
    file = getattr(package, "__file__", None)
    if package is None or file is None:
        return Path.cwd()
    path = Path(os.path.abspath(file))  # noqa: PTH100
    return path.parents[1] if hasattr(package, "__path__") else path.parent
