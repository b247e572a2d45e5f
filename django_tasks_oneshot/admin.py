"""Read-only lists: what waits, what ran, how each attempt ended. And the schedules, which operators may add."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import display_for_value
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from .contract.declared import Scheduled, declared_schedules
from .contract.definition import KEYS
from .contract.words import in_words
from .db.clock import database_now
from .forms import PauseForm, ScheduleForm
from .models import Attempt, Schedule, StoredTask, TaskDuration
from .run.fire import fire_now
from .run.listing import readable, state_of
from .run.schedules import database_of_schedules, define, look_again, pause, resume

GONE = _("the project does not have this schedule any more.")


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


@admin.register(Schedule)
class ScheduleAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Operators write schedules of their own, and pause any."""

    list_filter = ["source", "is_paused"]
    search_fields = ["name", "task_path"]
    ordering = ["name"]
    actions = ["pause", "resume", "run"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Schedule]:
        return readable(super().get_queryset(request))

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        declared = cache(declared_schedules)  # once for all rows

        @admin.display(description=_("state"))
        def state(row: Schedule) -> str:
            return state_of(row, declared())[0]

        return ["name", "task_path", "rule", "source", state, "is_paused", "last_fire", "next_fire"]

    @admin.display(description=_("meaning"))
    def meaning(self, row: Schedule) -> str:
        state, scheduled, error = state_of(row, declared_schedules())
        if state == "broken":
            return str(_("It cannot fire: %s") % error)
        return str(capfirst(GONE)) if scheduled is None else in_words(scheduled.rule)

    # Not the fields themselves: these say that they are in UTC, and the admin shows the time zone of the project.
    @admin.display(description=_("last fire time"), ordering="last_fire_at")
    def last_fire(self, row: Schedule) -> str:
        return self._shown(row.last_fire_at)

    @admin.display(description=_("next fire time"), ordering="due_at")
    def next_fire(self, row: Schedule) -> str:
        return self._shown(None if row.due_at is None else row.next_fire_at)

    def _shown(self, instant: datetime | None) -> str:
        local = instant and timezone.localtime(instant)
        return display_for_value(local, self.get_empty_value_display())

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = ScheduleForm if self._may_write(request, obj) else PauseForm
        return super().get_form(request, obj, change, **kwargs, form=form)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        if obj is None:
            return ["name", *KEYS, "is_paused"]
        shown = ["meaning", "last_fire", "next_fire"]
        if self._may_write(request, obj):
            return ["name", *KEYS, "is_paused", *shown]
        definition = ["definition"] if obj.source == Schedule.Source.ADMIN else []
        return ["name", "source", "task_path", "rule", *definition, "is_paused", *shown]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        if obj is None:
            return []
        return [each for each in self.get_fields(request, obj) if each not in (*KEYS, "is_paused")]

    def _may_write(self, request: HttpRequest, obj: Schedule | None) -> bool:
        """All of a schedule, and not only whether it is paused."""
        return obj is None or (obj.source == Schedule.Source.ADMIN and self.has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not self._is_deployed(obj) and super().has_delete_permission(request, obj)

    def _is_deployed(self, row: Schedule | None) -> bool:
        """If it were deleted, it would come back."""
        if row is None or row.source == Schedule.Source.ADMIN:
            return False
        return row.name in declared_schedules()

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """The schedules alone: of their fire times there may be a hundred thousand."""
        rows = list(objs)
        may_not = {row.name for row in rows if not self.has_delete_permission(request, row)}
        return [row.name for row in rows], {self.opts.verbose_name_plural: len(rows)}, may_not, []

    def delete_model(self, request: HttpRequest, obj: Schedule) -> None:
        super().delete_model(request, obj)
        look_again(database_of_schedules())  # the code may have a schedule that waits for the name

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        super().delete_queryset(request, queryset)
        look_again(database_of_schedules())

    def save_model(self, request: HttpRequest, obj: Schedule, form: Any, change: bool) -> None:
        alias = database_of_schedules()
        if isinstance(form, ScheduleForm):
            define(alias, obj.name, obj.definition, is_paused=obj.is_paused, now=database_now(alias))
        elif obj.is_paused:
            pause(alias, obj.name)
        elif "is_paused" in form.changed_data:
            for row, scheduled in self._with_rules(request, [obj]):
                resume(alias, row.name, scheduled.rule, database_now(alias))

    @admin.action(permissions=["change"], description=_("Pause the selected schedules"))
    def pause(self, request: HttpRequest, rows: QuerySet[Schedule]) -> None:
        alias = database_of_schedules()
        count = sum(pause(alias, row.name) for row in rows.filter(is_paused=False))
        if count == 0:
            self.message_user(request, _("Nothing to pause: all of them are paused already."), messages.WARNING)
            return
        told = ngettext("%d schedule is paused.", "%d schedules are paused.", count)
        self.message_user(request, told % count, messages.SUCCESS)

    @admin.action(permissions=["change"], description=_("Resume the selected schedules"))
    def resume(self, request: HttpRequest, rows: QuerySet[Schedule]) -> None:
        alias = database_of_schedules()
        now = database_now(alias)
        paused = list(rows.filter(is_paused=True))
        if not paused:
            self.message_user(request, _("Nothing to resume: none of them is paused."), messages.WARNING)
        found = self._with_rules(request, paused)
        count = sum(resume(alias, row.name, scheduled.rule, now) for row, scheduled in found)
        if count == 0:  # the operator has been told why
            return
        told = ngettext("%d schedule fires again, from now on.", "%d schedules fire again, from now on.", count)
        self.message_user(request, told % count, messages.SUCCESS)

    @admin.action(permissions=["change"], description=_("Run the selected schedules now"))
    def run(self, request: HttpRequest, rows: QuerySet[Schedule]) -> None:
        alias = database_of_schedules()
        for row, scheduled in self._with_rules(request, rows):
            try:
                result = fire_now(alias, row, scheduled, database_now(alias))
            except Exception as error:
                self.message_user(request, f"{row.name}: {type(error).__name__}: {error}", messages.ERROR)
                continue
            if result is None:
                told = _("%s: an earlier task is unfinished, so none is enqueued.")
                self.message_user(request, told % row.name, messages.WARNING)
            else:
                self.message_user(request, _("%s is enqueued.") % row.name, messages.SUCCESS)

    def _with_rules(self, request: HttpRequest, rows: Iterable[Schedule]) -> Iterator[tuple[Schedule, Scheduled]]:
        """What the rows stand for; of those that cannot fire, the operator is told."""
        declared = declared_schedules()
        for row in rows:
            state, scheduled, error = state_of(row, declared)
            if scheduled is None:
                self.message_user(request, f"{row.name}: {error if state == 'broken' else GONE}", messages.ERROR)
            else:
                yield row, scheduled
