from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class OneshotConfig(AppConfig):
    name = "django_tasks_oneshot"
    verbose_name = _("Tasks")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import conf  # noqa: F401 - registers its check
        from .contract import checks  # noqa: F401 - registers them
        from .http import checks as checks_of_urls  # noqa: F401
        from .run import checks as checks_of_runs  # noqa: F401

        autodiscover_modules("tasks")  # the schedules of the project are in there
