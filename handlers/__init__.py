"""Entry points for AWS Lambda: ``django_tasks_oneshot.handlers.tick.handler``, ``.queue.handler``, ``.web.handler``.

Django is set up once, when a function starts, with the secrets that ``ONESHOT_SECRETS`` names.
DJANGO_SETTINGS_MODULE has to be in its environment.
"""

import os

import django

from .secrets import load_secrets

load_secrets(os.environ)
django.setup()
