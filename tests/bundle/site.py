"""A project as Django makes it, with an app, that can be bundled."""

from __future__ import annotations

import os
import subprocess
import sys

from django.core.management import call_command

SETTINGS = """
import os
INSTALLED_APPS += ["django_tasks_oneshot", "shop"]
TASKS = {"default": {"BACKEND": "django_tasks_oneshot.backends.database.DatabaseBackend"}}
if "SITE_DATABASE" in os.environ:
    DATABASES["default"]["NAME"] = os.environ["SITE_DATABASE"]
"""
TASKS = """
import sys
import django
from django_tasks_oneshot import task

@task
def where_am_i():
    return {"django": django.__file__, "shop": __file__, "path": sys.path}
"""


def make_site(root):
    root.mkdir(parents=True)
    call_command("startproject", "mysite", root)
    with (root / "mysite/settings.py").open("a") as settings:
        settings.write(SETTINGS)
    (root / "shop").mkdir()
    (root / "shop/__init__.py").touch()
    (root / "shop/tasks.py").write_text(TASKS)
    return root


def manage_py(root, *arguments, umask=-1, **environment):
    return subprocess.run(
        [sys.executable, "-W", "error", "manage.py", *arguments],
        cwd=root,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "mysite.settings", **environment},
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
    )
