"""The virtual environment that both sides run in, apart from the one that this project is developed in."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from .errors import BenchmarkError

ROOT = Path(__file__).resolve().parents[1]
VENV = Path(__file__).resolve().parent / ".venv"
REQUIREMENTS = ("Django>=6.0", "django-tasks-db", "psycopg[binary]")
OLDEST = (3, 12)  # Django 6.0 needs it
# Asks for ensurepip too: some distributions package it apart from Python, and without it there is no venv.
PROBE = "import ensurepip, sys; print(*sys.version_info[:3])"

Version = tuple[int, ...]


def prepare(wanted: str | None) -> Path:
    """The python of an environment with both sides installed, which is made where it is missing or out of date."""
    python = find_python(wanted)
    stamp, content = VENV / ".installed", _what_is_installed(python)
    if not (stamp.exists() and stamp.read_text() == content):
        print(f"Making {VENV.relative_to(ROOT)} with {python} ...", file=sys.stderr)
        _run(python, "-m", "venv", "--clear", VENV)
        _run(VENV / "bin/python", "-m", "pip", "install", "-q", "-e", ROOT, *REQUIREMENTS)
        stamp.write_text(content)
    return VENV / "bin/python"


def find_python(wanted: str | None) -> Path:
    """The interpreter ``wanted``, a name or a path; else the newest one that Django 6 runs on."""
    candidates = [wanted] if wanted else _candidates()
    found = {path: version for each in candidates if (path := shutil.which(each)) and (version := _version(path))}
    suitable = [path for path, version in found.items() if version >= OLDEST]
    if not suitable:
        raise BenchmarkError(
            f"{wanted or 'python3.13 or python3.12'} was not found, or is no working Python of at least "
            f"{'.'.join(map(str, OLDEST))} with venv, which Django 6 needs; install one, or give its path by --python."
        )
    return Path(max(suitable, key=found.__getitem__))


def _candidates() -> Iterator[str]:
    yield sys.executable
    for name in ("python3.13", "python3.12"):
        yield name
        yield from map(str, Path.home().glob(f".pyenv/versions/*/bin/{name}"))


def _version(python: str) -> Version | None:
    """``None`` where it does not start: pyenv's python3.13 is there even if no 3.13 is chosen."""
    done = subprocess.run([python, "-c", PROBE], capture_output=True, text=True)
    return None if done.returncode else tuple(map(int, done.stdout.split()))


def _what_is_installed(python: Path) -> str:
    """The environment is made anew when this changes."""
    return "\n".join([str(python), str(_version(str(python))), *REQUIREMENTS, (ROOT / "pyproject.toml").read_text()])


def _run(*command: str | Path) -> None:
    if subprocess.run(command).returncode:
        raise BenchmarkError(f"{' '.join(map(str, command))} failed.")
