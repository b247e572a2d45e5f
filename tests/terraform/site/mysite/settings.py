"""Rows that are dispatched by one queue, messages without rows in the other, and secrets from the environment."""

import json
import os

QUEUE_URLS = json.loads(os.environ["ONESHOT_QUEUE_URLS"])

SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = [".on.aws"]
ROOT_URLCONF = "mysite.urls"
INSTALLED_APPS = ["django_tasks_oneshot", "letters"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["SITE_DATABASE"]}}
USE_TZ = True
TASKS = {
    "default": {
        "BACKEND": "django_tasks_oneshot.backends.database.DatabaseBackend",
        "OPTIONS": {"dispatch": {"sqs_queue_url": QUEUE_URLS["tasks"]}},
    },
    "mail": {
        "BACKEND": "django_tasks_oneshot.backends.sqs.SQSBackend",
        "OPTIONS": {"queue_urls": QUEUE_URLS["mail"], "results": True},
    },
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "loggers": {"django_tasks_oneshot": {"level": "INFO"}},
}
