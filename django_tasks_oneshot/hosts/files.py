"""Files of a configuration, in a project that may have some of the same name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp


class Outdated(Exception):
    """There are other files of these names."""


def outdated(files: Mapping[str, str], directory: Path) -> list[str]:
    """Those that are not there, or have another content."""
    return [path for path, text in files.items() if _text(directory / path) != text]


def write_files(files: Mapping[str, str], directory: Path, *, replace: bool) -> list[str]:
    """Returns what it has written: what was not there as it should be.

    Raises `Outdated`, and writes nothing, where it would ``replace`` something and may not; and OSError.
    """
    wanted = outdated(files, directory)
    there = [path for path in wanted if os.path.lexists(directory / path)]
    if there and not replace:
        raise Outdated(
            f"{', '.join(there)} is there, with another content. Take over what is printed without --write, or "
            "replace it: --force."
        )
    prepared: list[tuple[Path, Path]] = []
    try:
        for path in wanted:
            target = (directory / path).resolve()  # what a link leads to
            prepared.append((_prepared(target, files[path]), target))
        while prepared:
            new, target = prepared[0]
            os.replace(new, target)  # noqa: PTH105 - atomic, and says so
            prepared.pop(0)
    finally:
        for new, _ in prepared:
            new.unlink()
    return wanted


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def _prepared(target: Path, text: str) -> Path:
    """A file beside it, which has only to be renamed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = mkstemp(prefix=f".{target.name}.", dir=target.parent)
    new = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        new.chmod(0o755 if text.startswith("#!") else 0o644)
        with suppress(FileNotFoundError):
            shutil.copymode(target, new)
    except BaseException:
        new.unlink()
        raise
    return new
