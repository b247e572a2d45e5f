"""A zip that is the same, byte for byte, for the same files, whoever makes it, when, and where."""

from __future__ import annotations

import hashlib
import os
import stat
import uuid
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MEGABYTE = 1024 * 1024  # as AWS counts them
ZIP_LIMIT = 50 * MEGABYTE  # of an upload to Lambda itself
UNZIPPED_LIMIT = 250 * MEGABYTE  # of a function

BEGINNING = (1980, 1, 1, 0, 0, 0)  # of the time that a zip knows
MODE = stat.S_IFREG | 0o755  # not that of the file: there are machines whose files have none
UNIX = 3
LEVEL = 6


@dataclass(frozen=True)
class Archive:
    size: int  # in bytes
    sha256: str  # in hexadecimal digits


def write_archive(output: Path, files: Mapping[str, Path], *, compress: bool = True) -> Archive:
    """Writes the files, by their paths in it. ``output`` is the whole zip, or what it was before, at any time.

    Raises OSError for what cannot be read or written.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_name(f".{output.name}.{uuid.uuid4().hex}")
    try:
        with unfinished.open("xb+") as file:
            with zipfile.ZipFile(file, "w") as archive:
                for path in sorted(files):
                    _add(archive, path, files[path], zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED)
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        os.replace(unfinished, output)  # noqa: PTH105 - the word that says it
    finally:
        unfinished.unlink(missing_ok=True)
    return Archive(size, sha256)


def unzipped_size(files: Mapping[str, Path]) -> int:
    """In bytes."""
    return sum(source.stat().st_size for source in files.values())


def largest(files: Mapping[str, Path], count: int) -> list[tuple[str, int]]:
    """What is at the root of the bundle, and how many bytes each of it has, largest first."""
    sizes: Counter[str] = Counter()
    for path, source in files.items():
        sizes[path.split("/")[0]] += source.stat().st_size
    return sizes.most_common(count)


def megabytes(size: int) -> str:
    return f"{size / MEGABYTE:.1f} MB"


def _add(archive: zipfile.ZipFile, path: str, source: Path, compression: int) -> None:
    entry = zipfile.ZipInfo(path, BEGINNING)
    entry.create_system = UNIX
    entry.external_attr = MODE << 16
    archive.writestr(entry, source.read_bytes(), compression, LEVEL)
