"""Files of a configuration, in a project that may have some of the same name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


class Outdated(Exception):
    """There are other files of these names."""


def outdated(files: Mapping[str, str], directory: Path) -> list[str]:
    """Those that are not there, or have another content."""
    return [path for path, text in files.items() if _text(directory / path) != text]


def write_files(files: Mapping[str, str], directory: Path, *, replace: bool) -> list[str]:
    """Returns what it has written: what was not there as it should be.

    Raises `Outdated`, and writes nothing, where it would ``replace`` something and may not.
    """
    wanted = outdated(files, directory)
    there = [path for path in wanted if (directory / path).exists()]
    if there and not replace:
        raise Outdated(
            f"{', '.join(there)} is there, with another content. Take over what is printed without --write, or "
            "replace it: --force."
        )
    for path in wanted:
        _write(directory / path, files[path])
    return wanted


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def _write(path: Path, text: str) -> None:
    """Whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, encoding="utf-8")
    if text.startswith("#!"):
        new.chmod(0o755)
    os.replace(new, path)  # noqa: PTH105 - atomic, and says so
