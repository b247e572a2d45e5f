from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from .compat import TaskResultStatus
from .db.fields import InstantField, JSONTextField


class StoredTask(models.Model):
    """A task in the database. A row waits in its lane until ``due_at``; claiming it moves ``due_at`` on.

    ``due_at`` is a visibility timeout, as in SQS: when a task may be claimed, whether it was never
    started, waits for a retry, or belongs to a run that did not come back. A finished task has neither
    lane nor due time, so that it is in nobody's way.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    status = models.CharField(
        _("status"), max_length=10, choices=TaskResultStatus.choices, default=TaskResultStatus.READY
    )
    task_path = models.CharField(_("task"), max_length=500)
    args = JSONTextField(_("arguments"))
    kwargs = JSONTextField(_("keyword arguments"))
    backend_name = models.CharField(_("backend"), max_length=100)
    queue_name = models.CharField(_("queue"), max_length=100)
    priority = models.SmallIntegerField(_("priority"))
    run_after = InstantField(_("run after"), null=True, help_text=_("In UTC."))

    scheduled_for = InstantField(
        _("scheduled for"), null=True, help_text=_("The fire time of a schedule that it stands for, in UTC.")
    )
    # Not a PositiveIntegerField: PostgreSQL would read the whole table, locked, to check that it is.
    replaces = models.IntegerField(
        _("replaces"), null=True, help_text=_("How many older fire times it stands for besides.")
    )

    lane = models.CharField(max_length=255, null=True, editable=False)  # noqa: DJ001 - NULL is out of all lanes
    due_at = InstantField(_("due at"), null=True, help_text=_("In UTC, by the database's clock."))
    token = models.UUIDField(null=True, editable=False)

    attempt_count = models.PositiveIntegerField(_("attempts"), default=0)
    worker_id = models.CharField(_("worker"), max_length=64, blank=True)
    enqueued_at = models.DateTimeField(_("enqueued at"))
    started_at = models.DateTimeField(_("started at"), null=True)
    last_attempted_at = models.DateTimeField(_("last attempted at"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)
    return_value = JSONTextField(_("return value"), null=True)
    checkpoint = JSONTextField(_("checkpoint"), null=True, help_text=_("From what the next attempt goes on."))
    checkpoint_attempt = models.IntegerField(
        null=True, editable=False, help_text=_("The latest attempt that has come further than those before it.")
    )

    class Meta:
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        indexes = [
            models.Index(fields=["lane", "due_at", "id"], name="oneshot_task_claim"),
            models.Index(fields=["finished_at"], name="oneshot_task_finished"),
        ]

    def __str__(self) -> str:
        return f"{self.task_path} ({self.pk})"

    @property
    def is_dispatched(self) -> bool:
        """Whether a message was sent of it, or is about to be."""
        return self.lane is not None and self.lane.endswith("/dispatched")


class Attempt(models.Model):
    """One start of a task that has ended. An attempt that is under way is on the task's own row."""

    class Outcome(models.TextChoices):
        SUCCEEDED = "SUCCEEDED", _("Succeeded")
        FAILED = "FAILED", _("Failed")
        INTERRUPTED = "INTERRUPTED", _("Interrupted")
        CONTINUED = "CONTINUED", _("Continues later")

    task = models.ForeignKey(StoredTask, models.CASCADE, related_name="attempts", db_index=False)
    number = models.PositiveIntegerField(_("number"))
    worker_id = models.CharField(_("worker"), max_length=64)
    started_at = models.DateTimeField(_("started at"))
    finished_at = models.DateTimeField(_("finished at"))
    outcome = models.CharField(_("outcome"), max_length=12, choices=Outcome.choices)
    exception_class_path = models.CharField(_("exception"), max_length=500, blank=True)
    traceback = models.TextField(_("traceback"), blank=True)
    retry_at = InstantField(_("retry at"), null=True, help_text=_("In UTC."))

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        constraints = [models.UniqueConstraint(fields=["task", "number"], name="oneshot_attempt_number")]

    def __str__(self) -> str:
        return f"{self.number}: {self.outcome}"


class TaskDuration(models.Model):
    """How long a task usually takes, where that is a second or more, or the task continues over several runs."""

    path = models.CharField(_("task"), max_length=500, primary_key=True)
    seconds = models.FloatField(_("seconds"))
    continues = models.BooleanField(
        _("continues"), default=False, help_text=_("It goes on over several runs: the seconds are those of a step.")
    )
    passed_over = models.BooleanField(
        _("passed over"), default=False, help_text=_("A run had too little time left for it: the next starts with it.")
    )

    class Meta:
        verbose_name = _("usual duration")
        verbose_name_plural = _("usual durations")

    def __str__(self) -> str:
        return f"{self.path}: {self.seconds:.1f} s"


class Schedule(models.Model):
    """How far a schedule has come. What its rule is, the code or the settings say, or for an operator's the row.

    It is due from ``due_at`` on: that is ``next_fire_at``, and what its jitter adds. NULL is never: it is paused, or
    the project does not have it any more.
    """

    class Source(models.TextChoices):
        CODE = "code", _("Code")
        SETTINGS = "settings", _("Settings")
        ADMIN = "admin", _("Admin")

    name = models.CharField(_("name"), max_length=255, primary_key=True)
    source = models.CharField(_("source"), max_length=10, choices=Source.choices, default=Source.CODE)
    task_path = models.CharField(_("task"), max_length=500, default="")
    rule = models.CharField(_("rule"), max_length=500)
    definition = JSONTextField(
        null=True, editable=False, help_text=_("What an operator wrote, in the form of the settings.")
    )
    is_paused = models.BooleanField(_("paused"), default=False)
    next_fire_at = InstantField(_("next fire time"), help_text=_("In UTC."))
    last_fire_at = InstantField(_("last fire time"), null=True, help_text=_("In UTC."))
    due_at = InstantField(null=True, editable=False)

    class Meta:
        verbose_name = _("schedule")
        verbose_name_plural = _("schedules")
        indexes = [models.Index(fields=["due_at"], name="oneshot_schedule_due")]

    def __str__(self) -> str:
        return self.name


class FireTime(models.Model):
    """A fire time of a schedule for which a task was enqueued. There is one of each: two ticks cannot both."""

    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="fire_times", db_index=False)
    fire_at = InstantField(_("fire time"), help_text=_("In UTC."))
    replaces = models.IntegerField(_("replaces"), default=0)
    backend_name = models.CharField(_("backend"), max_length=100)
    task_id = models.CharField(_("task"), max_length=255)
    enqueued_at = InstantField(_("enqueued at"), help_text=_("In UTC."))

    class Meta:
        verbose_name = _("fire time")
        verbose_name_plural = _("fire times")
        constraints = [models.UniqueConstraint(fields=["schedule", "fire_at"], name="oneshot_fire_time")]

    def __str__(self) -> str:
        return f"{self.schedule_id} {self.fire_at}"


class DeclaredSchedules(models.Model):
    """The set of declared schedules that the table of schedules was brought in line with last."""

    digest = models.CharField(max_length=64, primary_key=True)
    holds_until = InstantField(help_text=_("Then they are compared again."))

    def __str__(self) -> str:
        return self.digest


class UsedSignature(models.Model):
    """A signed request that has started a run. The signature is good for no other one."""

    signature = models.CharField(max_length=64, primary_key=True)
    forget_at = InstantField(db_index=True, help_text=_("In UTC."))

    def __str__(self) -> str:
        return self.signature
