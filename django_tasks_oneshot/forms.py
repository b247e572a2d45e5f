"""What operators write and change in the admin."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, get_args

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.utils.translation import gettext_lazy as _

from .compat import InvalidTask
from .contract.declared import declared_schedules
from .contract.definition import KEYS, rule_of
from .contract.schedule import Missed, Overlap, check_name
from .contract.task import registered_tasks
from .models import Schedule
from .run.schedules import defined_by, scheduled_by


def _choice(values: tuple[str, ...], **options: Any) -> forms.ChoiceField:
    return forms.ChoiceField(choices=[(each, each) for each in values], required=False, **options)


class _JSONField(forms.JSONField):
    """Shows half a surrogate pair as it was written: a page cannot have it in any other way."""

    def prepare_value(self, value: Any) -> Any:
        text = super().prepare_value(value)
        return text if text is value or text.isprintable() else json.dumps(value)


class _DurationField(forms.DurationField):
    """Says what is meant: to Django, 45 and 00:45 are seconds."""

    def to_python(self, value: Any) -> Any:
        text = value.strip() if isinstance(value, str) else ""
        if text and not re.fullmatch(r"(-?\d+ )?-?\d+:\d\d:\d\d(\.\d+)?", text):
            raise ValidationError(_("Write hours, minutes and seconds: 00:45:00."))
        return super().to_python(value)


class ScheduleForm(forms.ModelForm):  # type: ignore[type-arg]
    """An operator's schedule, in the words of the settings."""

    task = forms.ChoiceField(help_text=_("What is enqueued."))
    cron = forms.CharField(
        required=False,
        help_text=_("A crontab line: minute, hour, day of the month, month, weekday. Such as 0 7 * * mon-fri"),
    )
    every = _DurationField(
        required=False,
        help_text=_("Instead of cron, the time in between: 00:45:00, or 1 12:00:00 (36 hours)."),
    )
    anchor = forms.CharField(
        required=False,
        help_text=_("Only for every: when it starts to count, such as 2026-01-01 07:00. Needs a time zone."),
    )
    timezone = forms.CharField(
        required=False,
        help_text=_("An IANA name, such as Europe/London. Without it, cron goes by TIME_ZONE of the project."),
    )
    args = _JSONField(
        required=False,
        initial=list,
        help_text=_("What the task is given, as a JSON list. Such as [1, 2]"),
    )
    kwargs = _JSONField(
        required=False,
        initial=dict,
        help_text=_('What it is given by name, as a JSON object. Such as {"page": 1}'),
    )
    missed = _choice(
        get_args(Missed),
        help_text=_("Of fire times at which no run came: a task for the latest, for all of them, or none (skip)."),
    )
    max_missed = forms.IntegerField(
        required=False, help_text=_("Only for missed “all”: for how many at most, the newest. 100 if empty.")
    )
    start_within = _DurationField(
        required=False,
        help_text=_(
            "How late a task may be enqueued: 00:30:00 (half an hour). If empty, any time; with skip, 15 minutes."
        ),
    )
    jitter = _DurationField(
        required=False,
        help_text=_(
            "Fire times are put off by up to this: 00:05:00 (five minutes). So not all schedules come at once; "
            "by how much, is always the same for each."
        ),
    )
    overlap = _choice(
        get_args(Overlap), help_text=_("Skip: nothing is enqueued while an earlier task of it is unfinished.")
    )

    class Meta:
        model = Schedule
        fields = ["name", "is_paused"]
        error_messages = {"name": {"unique": _("There is a schedule of this name already; take another.")}}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        definition = self._written()
        # The task of the row, too: one that the project has lost must not turn into the first of the others.
        paths = {*registered_tasks, str(definition.get("task", "")), ""}
        self.fields["task"].choices = [(path, path or "---------") for path in sorted(paths)]  # type: ignore[attr-defined]
        self.initial.update({name: self._shown(name, value) for name, value in definition.items()})

    def _written(self) -> dict[str, Any]:
        """Of what somebody has broken by hand, what can be shown."""
        try:
            definition = self.instance.definition  # which may not have been read yet
        except ValueError:
            return {}
        known = definition if isinstance(definition, Mapping) else {}
        return {name: known[name] for name in KEYS if name in known}

    def _shown(self, name: str, value: Any) -> Any:
        if isinstance(self.fields[name], forms.DurationField):
            try:
                return timedelta(**value) if isinstance(value, dict) else timedelta(seconds=value)
            except (TypeError, OverflowError):
                return str(value)
        return value

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        try:
            check_name(name)
        except InvalidTask as error:
            raise ValidationError(str(error)) from error
        if name in declared_schedules():
            raise ValidationError(_("The code or the settings have a schedule of this name; take another."))
        return name

    def clean_anchor(self) -> str:
        anchor: str = self.cleaned_data["anchor"]
        try:
            if anchor:
                datetime.fromisoformat(anchor)
        except ValueError as error:
            raise ValidationError(_("Write a date and a time: 2026-01-01 07:00.")) from error
        return anchor

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            self.instance.definition = self._definition()
        return cleaned

    def _definition(self) -> dict[str, Any]:
        given = {name: self.cleaned_data[name] for name in KEYS if self.cleaned_data[name] not in (None, "")}
        if ("cron" in given) == ("every" in given):
            field = "every" if "every" in given else "cron"
            raise ValidationError({field: _("Write either cron (0 7 * * mon-fri) or every (00:45:00).")})
        needs_zone = {"every", "anchor"} <= set(given) and not datetime.fromisoformat(given["anchor"]).tzinfo
        if needs_zone and "timezone" not in given:
            raise ValidationError({"anchor": _("Give it a time zone: fill in timezone.")})
        definition = {
            name: value.total_seconds() if isinstance(value, timedelta) else value for name, value in given.items()
        }
        try:
            rule_of(definition)
        except InvalidTask as error:
            field = re.split(r"\W+", str(error).lstrip("'"), maxsplit=1)[0].lower()  # such as: jitter='x' is not ...
            raise ValidationError({field if field in KEYS else NON_FIELD_ERRORS: str(error)}) from error
        try:
            defined_by(definition)
        except InvalidTask as error:
            field = "kwargs" if " keyword" in str(error) else "args"
            raise ValidationError({field if given["task"] in registered_tasks else "task": str(error)}) from error
        return definition


class PauseForm(forms.ModelForm):  # type: ignore[type-arg]
    """What operators may change of a schedule of the code or the settings."""

    class Meta:
        model = Schedule
        fields = ["is_paused"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "is_paused" in self.changed_data and not cleaned.get("is_paused"):
            self._check_that_it_can_fire()
        return cleaned

    def _check_that_it_can_fire(self) -> None:
        try:
            scheduled = scheduled_by(self.instance, declared_schedules())
        except InvalidTask as error:
            raise ValidationError({"is_paused": str(error)}) from error
        if scheduled is None:
            gone = _("The project does not have this schedule any more; leave it paused.")
            raise ValidationError({"is_paused": gone})
