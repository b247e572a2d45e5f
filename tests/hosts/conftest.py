from __future__ import annotations

from pathlib import Path

import pytest

from django_tasks_oneshot.hosts.local import LocalProject


@pytest.fixture
def local():
    return LocalProject(
        directory=Path("/srv/site"),
        words=("/srv/site/.venv/bin/python", "manage.py"),
        settings="mysite.settings",
        options=("--settings", "mysite.settings"),
    )
