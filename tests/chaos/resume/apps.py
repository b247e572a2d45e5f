from __future__ import annotations

from django.apps import AppConfig


class ResumeConfig(AppConfig):
    name = "tests.chaos.resume"
    label = "chaos_resume"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import internals

        internals.install()
