"""Requirements, as a function has them: resolved and installed for its platform by uv, from wheels only."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import distributions
from pathlib import Path
from tempfile import TemporaryDirectory

from .errors import BundleError
from .target import Target

# uv says of a package that it has no wheel in one of these ways.
NO_WHEEL = re.compile(
    r"(?:^| )([\w.-]+)(?:\[[^]]*\])?[^\s`]* ha(?:s|ve) no (?:usable wheels|wheels with)"
    r"|attempted to build `([\w.-]+)"
    r"|Failed to (?:download and )?build `([\w.-]+)[^`]*`[^`]{1,9}Building source distributions is disabled"
    r"|Wheels are required for `([\w.-]+)"
)
PIN = re.compile(r"([\w.-]+)\s*(?:\[[^]]*\])?\s*(?:@|==(?![^;]*\*))")  # name==1.0, name @ URL; not name==1.*
WHEEL = re.compile(r"(?:^|/)([\w.]+)-[^/\s]+\.whl\b")  # ./wheels/name-1.0-py3-none-any.whl
INSTEAD = """\
Nothing is built from source for a bundle: it would be built for this machine. Instead
  - require another package, such as psycopg[binary] for psycopg2, PyMySQL for mysqlclient;
  - or another version, or another --python or --architecture;
  - or build the wheel on Amazon Linux, or anywhere if it has no compiled parts (uv build --wheel DIR), and set
    UV_FIND_LINKS to the directory that it is in;
  - or deploy a container image in place of a bundle."""


@dataclass(frozen=True)
class Package:
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True)
class Installed:
    packages: list[Package]
    warnings: list[str]  # uv's


def find_uv() -> str:
    """The uv of this environment, else that of PATH. Raises BundleError if there is none."""
    try:
        return str(import_module("uv").find_uv_bin())
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv")
    if found is None:
        raise BundleError('Requirements are installed by uv: pip install "django-tasks-oneshot[bundle]"')
    return found


def default_requirements(project: Path) -> Path:
    """The file that says what a project needs. Raises BundleError if there is none."""
    requirements, pyproject = project / "requirements.txt", project / "pyproject.toml"
    if requirements.is_file():
        return requirements
    if _has_project(pyproject):
        return pyproject
    raise BundleError(
        f"{project} has neither a requirements.txt nor a pyproject.toml with [project]: write a line "
        f'"django-tasks-oneshot[lambda,sqs]" into {requirements}, and what else the project needs; or name another '
        "file: --requirements FILE"
    )


def install(requirements: Sequence[Path], target: Target, into: Path) -> Installed:
    """Installs what the files ask for. Raises BundleError with a list of what has no wheel, or with what uv says."""
    uv = find_uv()
    done = _uv_pip_install(uv, requirements, target, into)
    if done.returncode:
        if missing := without_wheels(uv, requirements, target, done.stderr):
            raise BundleError(_no_wheels(missing, target))
        raise BundleError(f"uv could not install the requirements:\n{done.stderr.strip()}")
    _refuse_editables(into)
    found = [Package(each.metadata["Name"], each.version) for each in distributions(path=[str(into)])]
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning:")]
    return Installed(sorted(found, key=lambda each: each.name.lower()), warnings)


def owner(into: Path, path: str) -> str:
    """The name of the package that has installed a file."""
    found = (each for each in distributions(path=[str(into)]) if path in map(str, each.files or ()))
    return next((each.metadata["Name"] for each in found), "the requirements")


def without_wheels(uv: str, requirements: Sequence[Path], target: Target, said: str) -> list[str]:
    """The packages of which uv finds no wheel. It names the first; without that one, it gets to the next."""
    missing: list[str] = []
    with TemporaryDirectory() as directory:
        overrides = Path(directory, "overrides.txt")
        while found := [name for name in names_without_wheels(said) if name not in missing]:
            missing += found
            overrides.write_text("".join(f'{name}; python_version < "0"\n' for name in missing))
            done = _uv_pip_install(uv, requirements, target, Path(directory, "installed"), "--override", str(overrides))
            said = done.stderr if done.returncode else ""
    return sorted(missing)


def names_without_wheels(said: str) -> list[str]:
    """The names that uv's message has, each once."""
    matches = NO_WHEEL.finditer(" ".join(said.split()))
    return list(dict.fromkeys(normalized(next(filter(None, match.groups()))) for match in matches))


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def unpinned(packages: Iterable[Package], requirements: Iterable[Path]) -> list[str]:
    """The names of those of which another version may be installed tomorrow."""
    files = list(requirements)
    if any(re.fullmatch(r"pylock(\..+)?\.toml", each.name) for each in files):
        return []
    seen: set[Path] = set()
    pinned = {name for each in files for name in _pins(each, seen)}
    return [each.name for each in packages if normalized(each.name) not in pinned]


def _has_project(pyproject: Path) -> bool:
    try:
        return "project" in tomllib.loads(pyproject.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    except ValueError as error:
        raise BundleError(f"{pyproject} cannot be read: {error}") from error


def _uv_pip_install(
    uv: str, requirements: Sequence[Path], target: Target, into: Path, *options: str
) -> subprocess.CompletedProcess[str]:
    command = [uv, "pip", "install", "--color", "never", "--no-progress", "--python", sys.executable]
    command += ["--target", str(into), "--python-platform", target.uv_platform, "--python-version", target.python]
    command += ["--only-binary", ":all:", "--link-mode", "copy", *options]
    for each in requirements:
        command += ["-r", str(each)]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603


def _no_wheels(names: list[str], target: Target) -> str:
    listed = "".join(f"  {each}\n" for each in names)
    return f"There is no wheel for {target} of:\n{listed}{INSTEAD}"


def _refuse_editables(into: Path) -> None:
    for each in distributions(path=[str(into)]):
        origin = json.loads(each.read_text("direct_url.json") or "{}")
        if origin.get("dir_info", {}).get("editable"):
            raise BundleError(
                f"{each.metadata['Name']} is required with -e, and would be a path of this machine: {origin['url']}. "
                "Build its wheel (uv build --wheel DIR), require it by name, and set UV_FIND_LINKS to the directory "
                "that it is in."
            )


def _pins(file: Path, seen: set[Path]) -> Iterator[str]:
    """The names of which a file, or one that it refers to, allows one version only."""
    if file.suffix == ".toml" or file.resolve() in seen or not file.is_file():
        return
    seen.add(file.resolve())
    for line in _lines(file):
        if match := re.match(r"(?:-r|-c|--requirements?|--constraints?)[\s=]+(\S+)", line):
            yield from _pins(file.parent / match[1], seen)
        elif match := PIN.match(line) or WHEEL.search(line):
            yield normalized(match[1])


def _lines(file: Path) -> list[str]:
    text = file.read_text(encoding="utf-8", errors="replace").replace("\\\n", " ")
    return [line.strip() for line in re.sub(r"(^|\s)#.*", "", text, flags=re.MULTILINE).splitlines()]
