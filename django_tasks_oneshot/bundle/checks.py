"""Whether a function could start from these files. Each raises BundleError if not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .archive import UNZIPPED_LIMIT, largest, megabytes, unzipped_size
from .errors import BundleError
from .files import Selection, Why

HANDLERS = "django_tasks_oneshot.handlers"


def has_module(files: Mapping[str, Path], module: str) -> bool:
    """Whether it can be imported from the root of the bundle: a module, a package, or one without ``__init__``."""
    path = module.replace(".", "/")
    return f"{path}.py" in files or any(each.startswith(f"{path}/") for each in files)


def check_module(files: Mapping[str, Path], project: Selection, root: Path, what: str, module: str) -> None:
    """``what`` is who asks for the module, such as ``INSTALLED_APPS``."""
    if has_module(files, module):
        return
    path = module.replace(".", "/")
    if found := project.why_left_out(path) or project.why_left_out(f"{path}.py"):
        where, left_out = found
        remedy = {
            Why.DEFAULT: f"to take it: --include {where}",
            Why.EXCLUDE: "give a narrower pattern.",
            Why.NEVER: "give it another name.",
        }[left_out.why]
        raise BundleError(f"{what} names {module}, and {where} is not in the bundle ({left_out}); {remedy}")
    raise BundleError(
        f"{what} names {module}, and neither {root} nor the requirements have {path}.py or {path}/. What is in the "
        "project's directory comes to the root of the bundle: name the one from which it is imported, --project DIR."
    )


def check_handlers(files: Mapping[str, Path]) -> None:
    if not has_module(files, HANDLERS):
        raise BundleError(
            f"{HANDLERS} is not in the bundle: write a line django-tasks-oneshot[lambda,sqs] into the requirements."
        )


def check_size(files: Mapping[str, Path]) -> None:
    """Lambda refuses what is larger."""
    size = unzipped_size(files)
    if size > UNZIPPED_LIMIT:
        sizes = "\n".join(f"{megabytes(each):>12}  {name}" for name, each in largest(files, 10))
        raise BundleError(
            f"Unzipped, the bundle has {megabytes(size)}, and Lambda takes {megabytes(UNZIPPED_LIMIT)} at most. Leave "
            "out what no function needs, such as --exclude botocore/data/ec2, or deploy a container image. "
            f"The largest are:\n{sizes}"
        )
