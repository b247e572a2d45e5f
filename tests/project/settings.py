"""The project that the tests run in; DATABASE_URL-like variables choose the database (see tests/servers.py)."""

import os
from pathlib import Path

SECRET_KEY = "only for tests"
USE_TZ = os.environ.get("ONESHOT_USE_TZ", "1") == "1"
TIME_ZONE = "Europe/London"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django_tasks_oneshot",
    "tests.project.shop",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "tests.project.urls"
STATIC_URL = "static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TASKS = {
    "default": {
        "BACKEND": "django_tasks_oneshot.backends.database.DatabaseBackend",
        "QUEUES": ["default", "mail"],
    },
    "any_queue": {
        "BACKEND": "django_tasks_oneshot.backends.database.DatabaseBackend",
        "QUEUES": [],
        "MAX_ATTEMPTS": 3,
    },
    "immediate": {
        "BACKEND": f"{'django.tasks' if __import__('django').VERSION >= (6, 0) else 'django_tasks'}"
        ".backends.immediate.ImmediateBackend"
    },
}

ENGINE = os.environ.get("ONESHOT_ENGINE", "sqlite3")
if ENGINE == "sqlite3":
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ.get("ONESHOT_DATABASE", Path(__file__).parent / "db.sqlite3"),
            # A file, not memory: the tests run real processes against it.
            "TEST": {"NAME": Path(__file__).parent / f"test-{os.getpid()}.sqlite3"},
        }
    }
else:
    DATABASES = {
        "default": {
            "ENGINE": f"django.db.backends.{ENGINE}",
            "NAME": os.environ.get("ONESHOT_DATABASE", "oneshot"),
            "USER": os.environ["ONESHOT_USER"],
            "HOST": "127.0.0.1",
            "PORT": os.environ["ONESHOT_PORT"],
        }
    }
