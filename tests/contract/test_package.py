"""What importing the package does, each time in an interpreter of its own."""

from __future__ import annotations

import django
import pytest

SETTINGS = """
from django_tasks_oneshot import exponential

SECRET_KEY = "only for tests"
USE_TZ = True
INSTALLED_APPS = ["django_tasks_oneshot"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
TASKS = {
    "default": {
        "BACKEND": "django_tasks_oneshot.backends.database.DatabaseBackend",
        "MAX_ATTEMPTS": 4,
        "BACKOFF": exponential(base=3),
    }
}
"""


def test_a_settings_module_may_import_a_backoff(python):
    code = """
import django; django.setup()
from django_tasks_oneshot.compat import task_backends
print(task_backends["default"].default_policy.backoff(ValueError(), type("Result", (), {"errors": []})))
"""
    assert python(code, SETTINGS) == "3.0"


def test_croniter_is_not_imported_where_nobody_writes_a_crontab_line(python):
    code = """
import sys
import django; django.setup()
from django_tasks_oneshot import Every, task
from django_tasks_oneshot.contract import schedule
print(schedule.schedules(Every(hours=1))[0], "croniter" in sys.modules)
"""
    assert python(code, SETTINGS) == "every hour False"


def test_a_crontab_line_may_be_written_before_the_settings_are_there(python):
    assert python("from django_tasks_oneshot import Cron; print(Cron('@daily').expression)") == "@daily"


def test_its_public_names_are_there():
    import django_tasks_oneshot

    for name in django_tasks_oneshot.__all__:
        assert getattr(django_tasks_oneshot, name).__doc__, name


@pytest.mark.skipif(django.VERSION >= (6, 0), reason="Django has a tasks framework of its own")
def test_django_without_a_tasks_framework_is_told_what_to_install(python):
    code = """
import sys
sys.modules["django_tasks"] = None
try:
    import django_tasks_oneshot
except ImportError as error:
    print(error)
"""
    assert "pip install 'django-tasks-oneshot[backport]'" in python(code)
