"""The settings of ../crontab, and what is different on AWS Lambda."""

import os

from newsletter_site.settings import *  # noqa: F403

ROOT_URLCONF = "newsletter_lambda.urls"
ALLOWED_HOSTS = ["127.0.0.1", ".on.aws"]  # of function URLs; a site names its own domain

# Which account and which region, boto3 knows: Lambda says so in the environment.
TASKS = {
    # Tasks are rows, as before. A message says of each that it is due, so that a function starts at once.
    "default": {
        "BACKEND": "django_tasks_oneshot.backends.database.DatabaseBackend",
        "OPTIONS": {"dispatch": {"sqs_queue_url": os.environ["NEWSLETTER_TASKS_QUEUE_URL"]}},
    },
    # Tasks that are messages and nothing else: for many small ones of whose results nobody asks.
    "mail": {
        "BACKEND": "django_tasks_oneshot.backends.sqs.SQSBackend",
        "OPTIONS": {"queue_urls": os.environ["NEWSLETTER_MAIL_QUEUE_URL"]},
    },
}

# Lambda has a handler that writes to CloudWatch. It gets warnings only, unless a logger has a level of its own.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "loggers": {"django_tasks_oneshot": {"level": "INFO"}},
}
