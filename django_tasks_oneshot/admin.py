"""Read-only lists: what waits, what ran, how each attempt ended. And the schedules, which operators may add."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from .compat import InvalidTask
from .contract.declared import Scheduled, declared_schedules
from .contract.definition import KEYS
from .contract.schedule import Missed, Overlap
from .contract.task import registered_tasks
from .db.clock import database_now
from .models import Attempt, Schedule, StoredTask, TaskDuration
from .run.fire import fire_now
from .run.schedules import database_of_schedules, define, defined_by, pause, resume, scheduled_by


class _ReadOnly:
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AttemptInline(_ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = Attempt
    extra = 0
    fields = ["number", "outcome", "worker_id", "started_at", "finished_at", "retry_at", "traceback"]
    ordering = ["number"]


@admin.register(StoredTask)
class StoredTaskAdmin(_ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["task_path", "status", "queue_name", "priority", "attempt_count", "due_at", "enqueued_at"]
    list_filter = ["status", "queue_name", "backend_name"]
    search_fields = ["=id", "task_path"]
    show_full_result_count = False  # the table may be large
    ordering = ["-id"]  # ids ascend with time
    inlines = [AttemptInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[StoredTask]:
        return super().get_queryset(request).defer("args", "kwargs", "return_value", "checkpoint")


@admin.register(TaskDuration)
class TaskDurationAdmin(_ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["path", "seconds", "continues", "passed_over"]
    search_fields = ["path"]
    ordering = ["-seconds"]


class ScheduleForm(forms.ModelForm):  # type: ignore[type-arg]
    """An operator's schedule, in the words of the settings."""

    task = forms.ChoiceField()
    cron = forms.CharField(required=False, help_text=_("Minute, hour, day, month, weekday: 0 7 * * mon-fri"))
    every = forms.DurationField(required=False, help_text=_("Instead of cron: 00:45:00, or 1 12:00:00 for 36 hours."))
    anchor = forms.CharField(required=False, help_text=_("Of every: when it began to count, such as 2026-01-01 07:00."))
    timezone = forms.CharField(required=False, help_text=_("An IANA name; without it that of the project."))
    missed = forms.ChoiceField(choices=[(each, each) for each in get_args(Missed)], required=False)
    max_missed = forms.IntegerField(required=False)
    start_within = forms.DurationField(required=False)
    jitter = forms.DurationField(required=False)
    overlap = forms.ChoiceField(choices=[(each, each) for each in get_args(Overlap)], required=False)
    args = forms.JSONField(required=False, help_text=_("Of the task, such as [1, 2]."))
    kwargs = forms.JSONField(required=False, help_text=_('Of the task, such as {"page": 1}.'))

    class Meta:
        model = Schedule
        fields = ["name", "is_paused"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].choices = [(path, path) for path in sorted(registered_tasks)]  # type: ignore[attr-defined]
        for name, value in (self.instance.definition or {}).items():
            is_duration = isinstance(self.fields[name], forms.DurationField)
            self.initial[name] = timedelta(seconds=value) if is_duration else value

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        given = {name: cleaned[name] for name in KEYS if cleaned.get(name) not in (None, "", [], {})}
        definition = {
            name: value.total_seconds() if isinstance(value, timedelta) else value for name, value in given.items()
        }
        try:
            defined_by(definition)
        except InvalidTask as error:
            raise ValidationError(str(error)) from error
        if cleaned.get("name") in {each.name for each in declared_schedules()}:
            raise ValidationError({"name": _("The code or the settings have a schedule of this name; take another.")})
        self.instance.definition = definition
        return cleaned


@admin.register(Schedule)
class ScheduleAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Operators write schedules of their own, and pause any."""

    list_display = ["name", "task_path", "rule", "source", "is_paused", "last_fire_at", "next_fire_at"]
    list_filter = ["source", "is_paused"]
    search_fields = ["name", "task_path"]
    ordering = ["name"]
    actions = ["pause", "resume", "run"]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        is_theirs = obj is None or obj.source == Schedule.Source.ADMIN
        return super().get_form(request, obj, change, **kwargs, form=ScheduleForm if is_theirs else forms.ModelForm)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        if obj is None:
            return []
        return ["name", "source", "task_path", "rule", "last_fire_at", "next_fire_at"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_deployed = obj is not None and obj.source != Schedule.Source.ADMIN  # it would come back
        return not is_deployed and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Schedule, form: Any, change: bool) -> None:
        alias = database_of_schedules()
        if obj.definition is not None:
            define(alias, obj.name, obj.definition, is_paused=obj.is_paused, now=database_now(alias))
        elif obj.is_paused:
            pause(alias, obj.name)
        else:
            self._resume(request, obj)

    @admin.action(permissions=["change"], description=_("Pause the selected schedules"))
    def pause(self, request: HttpRequest, rows: QuerySet[Schedule]) -> None:
        for row in rows:
            pause(database_of_schedules(), row.name)

    @admin.action(permissions=["change"], description=_("Resume the selected schedules"))
    def resume(self, request: HttpRequest, rows: QuerySet[Schedule]) -> None:
        for row in rows.filter(is_paused=True):
            self._resume(request, row)

    @admin.action(permissions=["change"], description=_("Run the selected schedules now"))
    def run(self, request: HttpRequest, rows: QuerySet[Schedule]) -> None:
        for row in rows:
            if scheduled := self._scheduled(request, row):
                alias = database_of_schedules()
                result = fire_now(alias, row, scheduled, database_now(alias))
                told = _("%s: an earlier task is unfinished.") if result is None else _("%s is enqueued.")
                self.message_user(request, told % row.name, messages.WARNING if result is None else messages.SUCCESS)

    def _resume(self, request: HttpRequest, row: Schedule) -> None:
        if scheduled := self._scheduled(request, row):
            alias = database_of_schedules()
            resume(alias, row.name, scheduled.rule, database_now(alias))

    def _scheduled(self, request: HttpRequest, row: Schedule) -> Scheduled | None:
        """What a row stands for; if that cannot fire, the operator is told."""
        try:
            scheduled = scheduled_by(row, {each.name: each for each in declared_schedules()})
        except InvalidTask as error:
            self.message_user(request, f"{row.name}: {error}", messages.ERROR)
            return None
        if scheduled is None:
            self.message_user(request, _("%s: the project has no such schedule any more.") % row.name, messages.ERROR)
        return scheduled
