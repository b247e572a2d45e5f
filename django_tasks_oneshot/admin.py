"""Read-only lists: what waits, what ran, how each attempt ended."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from .models import Attempt, Schedule, StoredTask, TaskDuration


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
class ScheduleAdmin(_ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "rule", "last_fire_at", "next_fire_at"]
    search_fields = ["name"]
    ordering = ["next_fire_at"]
