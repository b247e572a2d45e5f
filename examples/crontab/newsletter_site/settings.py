"""A site without web pages: what is of interest here happens in its tasks."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = "an example has nothing to hide"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "newsletter",
    "django_tasks_oneshot",
]

TASKS = {
    "default": {"BACKEND": "django_tasks_oneshot.backends.database.DatabaseBackend"},
}

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("NEWSLETTER_DATABASE", BASE_DIR / "db.sqlite3"),
        "OPTIONS": {
            # The site goes on reading while a run writes.
            "init_command": "PRAGMA journal_mode=WAL",
            # Who reads first and then writes waits for the other writers, instead of failing with "database is locked".
            "transaction_mode": "IMMEDIATE",
        },
    }
}
