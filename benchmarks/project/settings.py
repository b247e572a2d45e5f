"""The project that both sides run in; BENCHMARK_SIDE says whose backend has its tasks."""

import os

from tests.project import settings as tests_settings

SECRET_KEY = "only for benchmarks"
USE_TZ = True
# Nothing that the two do not need: it would cost both the same, and bring every ratio nearer to 1.
INSTALLED_APPS = ["django_tasks_oneshot", "django_tasks_db", "benchmarks.project.jobs"]
if os.environ.get("BENCHMARK_SCHEDULE") == "1":
    INSTALLED_APPS.append("benchmarks.project.scheduled")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

SIDE = os.environ.get("BENCHMARK_SIDE", "ours")
TASKS = {
    "default": {
        "BACKEND": {
            "ours": "django_tasks_oneshot.backends.database.DatabaseBackend",
            "peer": "django_tasks_db.DatabaseBackend",
        }[SIDE]
    }
}
DATABASES = {
    "default": {
        **tests_settings.DATABASES["default"],
        "CONN_MAX_AGE": int(os.environ.get("BENCHMARK_CONN_MAX_AGE", "0")),
    }
}
# The framework logs each start and end of a task. The peer's -v0 switches that off, run_due_tasks leaves it to LOGGING:
# here neither pays for it.
LOGGING = {"version": 1, "disable_existing_loggers": False, "loggers": {"django.tasks": {"level": "CRITICAL"}}}
