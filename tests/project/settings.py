"""The project that the tests run in. tests/servers.py sets the variables that choose its database."""

import os
from pathlib import Path

from django_tasks_oneshot.compat import BaseTaskBackend

SQS = os.environ.get("ONESHOT_SQS", "http://127.0.0.1:9")  # of moto, see tests/servers.py


def sqs(**options):
    """A backend whose queues are there in moto when the fixture ``queues`` has made them."""
    return {
        "BACKEND": "django_tasks_oneshot.backends.sqs.SQSBackend",
        "QUEUES": ["default", "mail"],
        "OPTIONS": {
            "queue_urls": {name: f"{SQS}/123456789012/{name}" for name in ("default", "mail")},
            "endpoint_url": SQS,
            "region": "eu-west-1",
            "wait_seconds": 0,
            **options,
        },
    }


SECRET_KEY = "only for tests"
USE_TZ = True
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
        "OPTIONS": {"lease_seconds": int(os.environ.get("ONESHOT_LEASE", "300"))},
    },
    "any_queue": {
        "BACKEND": "django_tasks_oneshot.backends.database.DatabaseBackend",
        "QUEUES": [],
        "MAX_ATTEMPTS": 3,
    },
    "immediate": {"BACKEND": f"{BaseTaskBackend.__module__.rpartition('.')[0]}.immediate.ImmediateBackend"},
    "foreign": {"BACKEND": "tests.project.foreign.TableBackend"},
    # For processes of their own; the queues are those of one test.
    "sqs": sqs(queue_urls=f"{SQS}/123456789012/{os.environ.get('ONESHOT_QUEUES')}-sqs"),
    "sqs_results": sqs(
        queue_urls=f"{SQS}/123456789012/{os.environ.get('ONESHOT_QUEUES')}-results",
        results=True,
        lease_seconds=int(os.environ.get("ONESHOT_LEASE", "300")),
    ),
}

ONESHOT = {
    "TICK_SECRET": os.environ.get("ONESHOT_TICK_SECRET"),
    "TICK_MAX_SECONDS": float(os.environ.get("ONESHOT_TICK_MAX_SECONDS", "25")),
}
ALLOWED_HOSTS = ["127.0.0.1", "testserver"]

ENGINE = os.environ.get("ONESHOT_ENGINE", "sqlite3")
HERE = Path(__file__).parent


def _database(name):
    if ENGINE == "sqlite3":
        return {
            "NAME": HERE / f"{name}.sqlite3",
            # A file, not memory: the tests run real processes against it, several at a time.
            "TEST": {"NAME": HERE / f"test-{name}-{os.getpid()}.sqlite3"},
            "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL", "timeout": 60},
        }
    return {
        "NAME": name,
        "USER": os.environ["ONESHOT_USER"],
        "HOST": "127.0.0.1",
        "PORT": os.environ["ONESHOT_PORT"],
    }


DATABASES = {
    alias: {"ENGINE": f"django.db.backends.{ENGINE}", **_database(name)}
    for alias, name in (("default", "oneshot"), ("second", "oneshot_second"))
}
DATABASES["default"]["NAME"] = os.environ.get("ONESHOT_DATABASE", DATABASES["default"]["NAME"])
