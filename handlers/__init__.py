"""Entry points for AWS Lambda: ``django_tasks_oneshot.handlers.tick.handler``, ``.queue.handler``, ``.web.handler``.

Django is set up once, when a function starts. DJANGO_SETTINGS_MODULE has to be in its environment.
"""

import django

django.setup()
