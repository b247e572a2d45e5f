"""What Lambda's image has, and this package as a wheel."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib.metadata import files
from pathlib import Path

from django_tasks_oneshot.bundle.requirements import find_uv

ROOT = Path(__file__).parents[2]
ARCHITECTURE = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
PYTHON = "{}.{}".format(*sys.version_info)
LEFT_OUT = ("--exclude", "*/locale/[a-df-z]*", "--exclude", "django/contrib/gis")  # most of Django's files


def make_own_wheel(directory):
    """The URL of the wheel of this package: of a name and a version, uv may have an older wheel in its cache."""
    subprocess.run([find_uv(), "build", "--wheel", "--quiet", "--out-dir", directory, ROOT], check=True)
    (wheel,) = directory.glob("*.whl")
    return wheel.as_uri()


def make_image(directory):
    """A Python without packages in ``python``, and the runtime client in ``runtime``."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", directory / "python"], check=True)
    (directory / "runtime").mkdir()
    for package in ("awslambdaric", "simplejson", "snapshot_restore_py"):
        for file in files(package):
            top = Path(file.locate().parents[len(file.parts) - 1], file.parts[0]).resolve()
            if not (directory / "runtime" / top.name).exists():
                (directory / "runtime" / top.name).symlink_to(top)
    return directory
