"""The settings of ../crontab, and what is different on a PaaS."""

import os

from newsletter_site.settings import *  # noqa: F403

ROOT_URLCONF = "newsletter_paas.urls"
WSGI_APPLICATION = "newsletter_paas.wsgi.application"  # Vercel looks for the site here
# Vercel calls a project by the name that it gave it, also where the site has a domain of its own.
ALLOWED_HOSTS = ["127.0.0.1", ".vercel.app", ".scalingo.io"]

# Who calls tasks/run/ has to know it. Vercel sends its own CRON_SECRET, which needs no line here. Where the environment
# has neither, nobody may call; the command asks for no secret.
ONESHOT = {"TICK_SECRET": os.environ.get("TICK_SECRET")}

TASKS = {
    "default": {
        "BACKEND": "django_tasks_oneshot.backends.database.DatabaseBackend",
        # So long after a run was killed its task waits. The demo does not wait for five minutes, which are the default.
        "OPTIONS": {"lease_seconds": int(os.environ.get("NEWSLETTER_LEASE_SECONDS", "300"))},
    },
}
