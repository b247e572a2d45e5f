"""Which files go into a bundle. All paths are POSIX paths, relative to the root of the bundle."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import Path

from .errors import BundleError

# Secrets, data and what differs from machine to machine. No option brings them back.
NEVER = (
    ".git",
    ".env",
    ".env.*",
    "*.sqlite3",
    "*.sqlite3-journal",
    "*.sqlite3-wal",
    "*.sqlite3-shm",
    "*.tfstate*",
    "*.tfvars*",
    "__pycache__",
    "*.pyc",
)
DEFAULTS = (
    ".*",
    "tests",
    "tests.py",
    "test_*.py",
    "conftest.py",
    "node_modules",
    "*.egg-info",
    "*.tf",
    "dist",
)
VIRTUAL_ENVIRONMENT = "pyvenv.cfg"

# Of what is installed: scripts begin with the path of this machine's Python, and the rest tells how it was installed.
MACHINE_FILES = (".lock", "bin")
MACHINE_METADATA = ("INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_build.json", "uv_cache.json")


class Why(Enum):
    NEVER = "never in a bundle"
    EXCLUDE = "--exclude"
    DEFAULT = "left out by default"


@dataclass(frozen=True)
class LeftOut:
    """What left out a file, or a directory with all that it holds."""

    pattern: str
    why: Why

    def __str__(self) -> str:
        return f"--exclude {self.pattern}" if self.why is Why.EXCLUDE else f"{self.pattern}: {self.why.value}"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What is left out of a directory.

    A pattern is that of a shell, and tells upper from lower case. It is compared with the name of each file and
    directory, and with its whole path, in which ``*`` matches ``/`` too. A directory that matches is meant with all
    that it holds.

    ``never`` and ``exclude`` are always left out. ``defaults``, virtual environments and the directories in
    ``default_paths`` are left out unless ``include`` takes them back. Paths are absolute, without symbolic links.
    """

    never: tuple[str, ...] = NEVER
    never_paths: Mapping[Path, str] = field(default_factory=dict)  # the values say what they are
    exclude: tuple[str, ...] = ()
    defaults: tuple[str, ...] = DEFAULTS
    default_paths: Mapping[Path, str] = field(default_factory=dict)
    include: tuple[str, ...] = ()

    def forbids(self, path: str, real: Path) -> LeftOut | None:
        if pattern := self.never_paths.get(real) or _first_match(self.never, path):
            return LeftOut(pattern, Why.NEVER)
        if pattern := _first_match(self.exclude, path):
            return LeftOut(pattern, Why.EXCLUDE)
        return None

    def skips(self, path: str, real: Path) -> LeftOut | None:
        pattern = self.default_paths.get(real) or _first_match(self.defaults, path)
        if not pattern and (real / VIRTUAL_ENVIRONMENT).is_file():
            pattern = VIRTUAL_ENVIRONMENT
        return LeftOut(pattern, Why.DEFAULT) if pattern else None

    def includes(self, path: str) -> bool:
        return bool(_first_match(self.include, path))


@dataclass
class Selection:
    """The files that go in, by their paths in the bundle, and what was left out."""

    files: dict[str, Path] = field(default_factory=dict)
    left_out: dict[str, LeftOut] = field(default_factory=dict)

    def why_left_out(self, path: str) -> tuple[str, LeftOut] | None:
        """What left out this path: it, or the directory above it that was."""
        return next(((each, self.left_out[each]) for each in _ways_to(path) if each in self.left_out), None)


def select(root: Path, rules: Rules) -> Selection:
    """The files below ``root``. Symbolic links stand for what they lead to; raises BundleError if that is nothing."""
    selection = Selection()
    _Walk(rules, selection).enter(root, "", _State.WALKING, (root.resolve(),))
    return selection


def select_installed(root: Path, exclude: Iterable[str]) -> Selection:
    """The files of installed requirements, without those that differ from machine to machine."""
    rules = Rules(never=("__pycache__", "*.pyc"), exclude=tuple(exclude), defaults=())
    selection = select(root, rules)
    for path in [path for path in selection.files if _tells_of_this_machine(path)]:
        del selection.files[path]
    return selection


def merge(project: Mapping[str, Path], installed: Mapping[str, Path], owner: Callable[[str], str]) -> dict[str, Path]:
    """Both of them. Raises BundleError where one would overwrite the other.

    ``owner`` tells which package has installed a file.
    """
    if clashes := sorted(_overlaps(project, installed)) or sorted(_overlaps(installed, project)):
        path, top = clashes[0], clashes[0].split("/")[0]
        required = next(each for each in (*_ways_to(path), *installed) if each in installed)
        own = next(each for each in (*_ways_to(path), *project) if each in project)
        more = f" (and {len(clashes) - 1} more)" if len(clashes) > 1 else ""
        raise BundleError(
            f"{project[own]} of the project and {required} of {owner(required)} would be the same in the bundle{more}. "
            f"If {top} is not the project's own, say which directory is only the project: --project DIR. Else take the "
            "package out of the requirements, or give yours another name."
        )
    return {**project, **installed}


def _overlaps(these: Mapping[str, Path], others: Mapping[str, Path]) -> list[str]:
    """Which of these are among the others, or below one that is a file there."""
    return [path for path in these if any(each in others for each in _ways_to(path))]


def _ways_to(path: str) -> list[str]:
    """It, and the directories above it."""
    parts = path.split("/")
    return ["/".join(parts[:length]) for length in range(len(parts), 0, -1)]


class _State(Enum):
    WALKING = "files are taken, but for what the defaults leave out"
    INCLUDED = "files are taken"
    LEFT_OUT = "files are taken that --include names"


@dataclass
class _Walk:
    rules: Rules
    selection: Selection

    def enter(self, directory: Path, prefix: str, state: _State, ancestors: tuple[Path, ...]) -> None:
        for source in sorted(directory.iterdir()):
            path = prefix + source.name
            # Not resolve(): Python 3.11 and 3.12 raise RuntimeError there for a link in a circle.
            real = Path(os.path.realpath(source)) if source.is_symlink() else ancestors[-1] / source.name
            left_out = self.rules.forbids(path, real)
            next_state = state
            if not left_out and self.rules.includes(path):
                next_state = _State.INCLUDED
            elif not left_out and state is _State.WALKING and (left_out := self.rules.skips(path, real)):
                next_state = _State.LEFT_OUT
            if left_out and state is not _State.LEFT_OUT:
                self.selection.left_out[path] = left_out
            if left_out is None or (next_state is _State.LEFT_OUT and self.rules.include):
                self._take(source, path, next_state, (*ancestors, real))

    def _take(self, source: Path, path: str, state: _State, ancestors: tuple[Path, ...]) -> None:
        is_meant = state is not _State.LEFT_OUT
        if source.is_dir():
            if ancestors[-1] not in ancestors[:-1]:
                self.enter(source, f"{path}/", state, ancestors)
            elif is_meant:
                raise BundleError(
                    f"{source} is a symbolic link to a directory above it: there is no end to it. Remove it, or leave "
                    f"it out: --exclude {path}"
                )
        elif source.is_file():
            if is_meant:
                _check_name(path)
                self.selection.files[path] = source
        elif source.is_symlink() and is_meant:
            raise BundleError(
                f"{source} is a symbolic link that leads nowhere. Remove it, or leave it out: --exclude {path}"
            )


def _first_match(patterns: Iterable[str], path: str) -> str | None:
    name = path.rpartition("/")[2]
    for pattern in patterns:
        wanted = pattern.removeprefix("./").rstrip("/")
        if fnmatchcase(name, wanted) or fnmatchcase(path, wanted):
            return pattern
    return None


def _check_name(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise BundleError(f"The name of {path!r} is not UTF-8: give it another one, or leave it out.") from error


def _tells_of_this_machine(path: str) -> bool:
    top, _, rest = path.partition("/")
    return top in MACHINE_FILES or (top.endswith(".dist-info") and rest in MACHINE_METADATA)
