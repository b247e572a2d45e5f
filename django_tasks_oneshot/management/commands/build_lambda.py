from __future__ import annotations

import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...bundle.archive import (
    MEGABYTE,
    UNZIPPED_LIMIT,
    ZIP_LIMIT,
    Archive,
    megabytes,
    unzipped_size,
    write_archive,
)
from ...bundle.checks import check_handlers, check_module, check_size, has_module
from ...bundle.errors import BundleError
from ...bundle.files import Rules, Selection, merge, select, select_installed
from ...bundle.requirements import Installed, default_requirements, install, owner, unpinned
from ...bundle.target import ARCHITECTURES, PYTHONS, Target

BAD_ARGUMENTS = 2
DATABASE_FILES = ("", "-journal", "-wal", "-shm")
NAMED = 5  # unpinned packages that the warning names


class Command(BaseCommand):
    help = "Builds a zip for AWS Lambda: the project, its requirements for the function's platform, and the handlers."
    # As for runs: all checks import the URLconf and with it the whole project.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--output",
            type=Path,
            default=Path("dist/lambda.zip"),
            metavar="FILE",
            help="The zip to write (default: %(default)s).",
        )
        parser.add_argument(
            "--architecture",
            choices=tuple(ARCHITECTURES),
            default=Target.architecture,
            help="Of the function (default: %(default)s).",
        )
        parser.add_argument(
            "--python",
            choices=PYTHONS,
            default=Target.python,
            help="Of the function's runtime (default: %(default)s, whatever runs this command).",
        )
        parser.add_argument(
            "--project",
            type=Path,
            metavar="DIR",
            help="What is in it comes to the root of the bundle (default: BASE_DIR of the settings, else the current "
            "directory).",
        )
        parser.add_argument(
            "--requirements",
            action="append",
            type=Path,
            default=[],
            metavar="FILE",
            help="What the project needs; may be given several times (default: the project's requirements.txt, else "
            "its pyproject.toml).",
        )
        parser.add_argument(
            "--exclude",
            action="append",
            default=[],
            metavar="PATTERN",
            help="Leave this out, of the project and of what it requires, such as botocore/data/ec2; may be given "
            "several times.",
        )
        parser.add_argument(
            "--include",
            action="append",
            default=[],
            metavar="PATTERN",
            help="Take this of the project, which is left out if not asked for; may be given several times.",
        )
        parser.add_argument(
            "--uncompressed",
            action="store_true",
            help="Store the files as they are, so that the zip does not depend on the zlib of this Python.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        target = Target(options["architecture"], options["python"])
        root = _project(options["project"])
        try:
            requirements = _existing(options["requirements"]) or [default_requirements(root)]
            project = select(root, _rules(options))
            with TemporaryDirectory() as directory:
                installed = install(requirements, target, Path(directory))
                required = select_installed(Path(directory), options["exclude"])
                files = merge(project.files, required.files, partial(owner, Path(directory)))
                self._check(files, project, root)
                archive = write_archive(options["output"], files, compress=not options["uncompressed"])
                unzipped = unzipped_size(files)
        except BundleError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"The bundle was not built: {error}") from error
        if options["verbosity"] > 0:
            for warning in _warnings(files, archive, installed, requirements, target):
                self.stderr.write(warning, self.style.WARNING)
            self.stdout.write(f"{options['output']}")
            self.stdout.write(_summary(archive, unzipped, target, len(project.files), len(installed.packages)))
        if options["verbosity"] > 1:
            self.stdout.write(_details(installed, project, required))

    def _check(self, files: dict[str, Path], project: Selection, root: Path) -> None:
        if module := os.environ.get("DJANGO_SETTINGS_MODULE"):
            check_module(files, project, root, "DJANGO_SETTINGS_MODULE", module)
        for app in apps.get_app_configs():
            if _is_of_project(Path(app.path), root):
                check_module(files, project, root, "INSTALLED_APPS", app.name)
        check_handlers(files)
        check_size(files)


def _project(given: Path | None) -> Path:
    """Absolute, and without symbolic links: the apps' paths are compared with it."""
    root = given or Path(getattr(settings, "BASE_DIR", None) or Path.cwd())
    if not root.is_dir():
        name = "BASE_DIR of the settings is" if given is None else "--project"
        raise CommandError(f"{name} {root}: there is no such directory.", returncode=BAD_ARGUMENTS)
    return root.resolve()


def _existing(requirements: list[Path]) -> list[Path]:
    for each in requirements:
        if not each.is_file():
            raise CommandError(f"--requirements {each}: there is no such file.", returncode=BAD_ARGUMENTS)
    return requirements


def _rules(options: dict[str, Any]) -> Rules:
    never = dict(_database_files())
    output = options["output"]
    never[output.parent.resolve() / output.name] = "the bundle itself"
    media = {Path(settings.MEDIA_ROOT).resolve(): "MEDIA_ROOT"} if settings.MEDIA_ROOT else {}
    return Rules(
        never_paths=never,
        default_paths=media,
        exclude=tuple(options["exclude"]),
        include=tuple(options["include"]),
    )


def _database_files() -> Iterable[tuple[Path, str]]:
    for alias, database in settings.DATABASES.items():
        name = database.get("NAME")
        if name and database.get("ENGINE", "").endswith(".sqlite3"):
            path = Path(name).resolve()
            for suffix in DATABASE_FILES:
                yield path.with_name(path.name + suffix), f"DATABASES[{alias!r}]"


def _is_of_project(path: Path, root: Path) -> bool:
    """Not what is installed in a virtual environment within the project's directory."""
    path = path.resolve()
    return path.is_relative_to(root) and not {"site-packages", "dist-packages"} & set(path.relative_to(root).parts)


def _warnings(
    files: dict[str, Path], archive: Archive, installed: Installed, requirements: list[Path], target: Target
) -> Iterable[str]:
    yield from installed.warnings
    if names := unpinned(installed.packages, requirements):
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        yield (
            f"warning: no version is pinned of {', '.join(names[:NAMED])}{more}: tomorrow's bundle may be another one. "
            f"To pin them: uv pip compile --universal --python-version {target.python} {requirements[0]} "
            "-o requirements.lock.txt, and then --requirements requirements.lock.txt"
        )
    if names := [app.name for app in apps.get_app_configs() if not has_module(files, app.name)]:
        yield (
            f"warning: INSTALLED_APPS names {', '.join(names)}, which the requirements do not bring: write it there, "
            "unless the function has other settings."
        )
    if not has_module(files, "mangum"):
        yield "warning: handlers.web needs Mangum, which is not in the bundle: django-tasks-oneshot[lambda] brings it."
    if archive.size > ZIP_LIMIT:
        yield (
            f"warning: the zip has {megabytes(archive.size)}, and by itself Lambda takes {megabytes(ZIP_LIMIT)} at "
            "most: upload it to S3, and give the function its place there."
        )


def _summary(archive: Archive, unzipped: int, target: Target, files: int, packages: int) -> str:
    zipped = f"zip {megabytes(archive.size)} of {ZIP_LIMIT // MEGABYTE} MB"
    return (
        f"  SHA-256  {archive.sha256}\n"
        f"  runtime  {target}\n"
        f"  size     {zipped}, unzipped {megabytes(unzipped)} of {UNZIPPED_LIMIT // MEGABYTE} MB\n"
        f"  content  {_count(files, 'file')} of the project, {_count(packages, 'package')}"
    )


def _details(installed: Installed, project: Selection, required: Selection) -> str:
    left_out = {**project.left_out, **required.left_out}
    return "\n".join(
        [
            "Packages:",
            *(f"  {each}" for each in installed.packages),
            "Left out:",
            *(f"  {path} ({left_out[path]})" for path in sorted(left_out)),
        ]
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
