"""The site, bundled by this package's own command, and unzipped as Lambda does it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

from tests.bundle.image import ARCHITECTURE, LEFT_OUT, PYTHON, make_own_wheel

SITE = Path(__file__).with_name("site")
SERVICES = ("[a-r]*", "[t-z]*")  # of boto3's, all but those with an S: of these three are called


def build_bundle(directory: Path) -> Path:
    root = directory / "site"
    shutil.copytree(SITE, root, ignore=shutil.ignore_patterns("__pycache__"))
    wheel = make_own_wheel(directory)
    (root / "requirements.txt").write_text(f"django-tasks-oneshot[lambda,sqs] @ {wheel}\nDjango=={version('Django')}\n")
    without = [word for each in SERVICES for word in ("--exclude", f"botocore/data/{each}/*")]
    target = ["--architecture", ARCHITECTURE, "--python", PYTHON]
    manage_py(root, sys.executable, "build_lambda", *target, *LEFT_OUT, *without)
    return root / "dist/lambda.zip"


def unzip(bundle: Path, directory: Path) -> Path:
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(directory)
    return directory


def manage_py(root: Path, python: str | Path, *arguments: str, **environment: str) -> None:
    needed = {"DJANGO_SETTINGS_MODULE": "mysite.settings", "SITE_DATABASE": ":memory:", "SECRET_KEY": "other"}
    queues = {"ONESHOT_QUEUE_URLS": '{"tasks": "http://127.0.0.1/1/tasks", "mail": "http://127.0.0.1/1/mail"}'}
    done = subprocess.run(
        [python, "-W", "error", "manage.py", *arguments],
        cwd=root,
        env={**os.environ, **needed, **queues, **environment},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"manage.py {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
