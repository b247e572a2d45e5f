"""Tasks are messages of Amazon SQS."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils import timezone
from django.utils.module_loading import import_string

from ..compat import (
    DEFAULT_TASK_PRIORITY,
    AnyResult,
    AnyTask,
    InvalidTask,
    TaskResultStatus,
    task_backends,
    task_enqueued,
)
from ..contract.exceptions import NotEnqueued
from ..contract.fired import take_fire
from ..contract.notify import notify
from .base import Call, Claimant, OneshotBackend, Store
from .enqueued import argument, time_ordered_id
from .outbox import send_on_commit
from .sqs_client import LONGEST_DELAY, LONGEST_WAIT, Letter, SQSClient, is_url, region_of
from .sqs_mailbox import Mailbox
from .sqs_message import Message, encode

if TYPE_CHECKING:
    from .dispatch import Row

EVERY_QUEUE = "*"


class SQSBackend(OneshotBackend):
    """``OPTIONS["queue_urls"]`` says which queue of SQS holds the tasks of which of Django's queues.

    A task is its message, and needs no database. With ``OPTIONS["results"]`` it is a row besides, which has its result,
    its attempts and its checkpoints.
    """

    keeps_order = False
    patience = timedelta(minutes=15)  # with rows that are due, and of which there should be messages

    default_options: ClassVar[dict[str, Any]] = {
        **OneshotBackend.default_options,
        "queue_urls": None,
        "high_priority_queue_urls": None,
        "region": None,
        "endpoint_url": None,
        "wait_seconds": 1,
        "on_commit": True,
        "results": False,
        "message_group_id": None,
        "message_deduplication_id": None,
    }

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        super().__init__(alias, params)
        self.queue_urls = _by_queue(self.option("queue_urls"))
        self.high_priority_queue_urls = _by_queue(self.option("high_priority_queue_urls"))
        self.supports_priority = bool(self.high_priority_queue_urls)
        self.supports_get_result = self.keeps_checkpoints = self.knows_what_began = bool(self.option("results"))
        self.client = SQSClient(
            self.option("region") or region_of(self.urls), self.option("endpoint_url"), wait=self.option("wait_seconds")
        )

    @property
    def enqueues_into(self) -> str | None:
        if not self.supports_get_result:
            return None
        from .database_rows import database_of_tasks

        return database_of_tasks()

    def url_of(self, queue_name: str, priority: int) -> str:
        """Raises ``InvalidTask`` where OPTIONS name none."""
        urls = self.high_priority_queue_urls if priority > DEFAULT_TASK_PRIORITY else {}
        url = urls.get(queue_name) or urls.get(EVERY_QUEUE) or self.queue_urls.get(queue_name)
        if not (url := url or self.queue_urls.get(EVERY_QUEUE)):
            raise InvalidTask(f"Queue {queue_name!r} has no URL; add it to OPTIONS['queue_urls'] of {self.alias!r}.")
        return url

    @property
    def urls(self) -> list[str]:
        """Of all queues, those of a higher priority first."""
        return list(dict.fromkeys([*self.high_priority_queue_urls.values(), *self.queue_urls.values()]))

    def validate_task(self, task: AnyTask) -> None:
        if task.priority != DEFAULT_TASK_PRIORITY and not self.supports_priority:
            raise InvalidTask(
                f"{task.module_path} has a priority; add OPTIONS['high_priority_queue_urls'] to TASKS[{self.alias!r}], "
                "or leave it out."
            )
        super().validate_task(task)
        url = self.url_of(task.queue_name, task.priority)
        if task.run_after is not None and _is_fifo(url):
            raise InvalidTask(f"SQS delays no message of a FIFO queue, as {url} is; leave run_after out.")
        if self.supports_get_result:
            from .database import validate_names

            validate_names(self.alias, task)

    def enqueue_many(self, calls: Iterable[Call]) -> Sequence[AnyResult]:
        calls = list(calls)
        for task, _, _ in calls:
            self.validate_task(task)
        return self._store_rows(calls) if self.supports_get_result else self._send_tasks(calls)

    def _send_tasks(self, calls: Sequence[Call]) -> Sequence[AnyResult]:
        messages = [self._message(*call) for call in calls]
        deduplications = [self._named("message_deduplication_id", call) for call in calls]
        self._send_on_commit([self.letter(*each) for each in zip(messages, deduplications, strict=True)])
        results = [self.result_of(message, TaskResultStatus.READY) for message in messages]
        for result in results:
            notify(task_enqueued, self, result)
        return results

    def _store_rows(self, calls: Sequence[Call]) -> Sequence[AnyResult]:
        from .database_rows import insert

        # Before there are rows: nothing would ever be sent of them.
        self.client.prepare()
        names = [
            {"group": self._group(call), "deduplication": self._named("message_deduplication_id", call)}
            for call in calls
        ]
        rows, results = insert(self, calls)
        self._send_on_commit(
            [
                self._letter_of_row(row, **named, run_after=task.run_after)
                for row, named, (task, _, _) in zip(rows, names, calls, strict=True)
            ]
        )
        return results

    def send(self, rows: Sequence[Row]) -> bool:
        """Sends other messages of rows that are due. ``False``: some could not be sent."""
        letters = [
            self._letter_of_row(
                row,
                group=self._group_by_default(row.queue_name, row.priority),
                deduplication=str(time_ordered_id()),
            )
            for row in rows
        ]
        return not self.client.send(letters)

    def _letter_of_row(
        self, row: Row, *, group: str | None, deduplication: str | None, run_after: datetime | None = None
    ) -> Letter:
        message = Message(
            backend=self.alias,
            id=str(row.pk),
            queue_name=row.queue_name,
            priority=row.priority,
            due_at=_timestamp(run_after),
            group=group,
        )
        return self.letter(message, deduplication)

    def _send_on_commit(self, letters: Sequence[Letter]) -> None:
        on_commit = self.option("on_commit")
        if on_commit:
            by_default = self.enqueues_into or DEFAULT_DB_ALIAS
            send_on_commit(by_default if on_commit is True else on_commit, self._send, letters)
        else:
            self._send(letters)

    def _send(self, letters: Sequence[Letter]) -> None:
        if failed := self.client.send(letters):
            if self.supports_get_result:
                from .database_rows import remove

                remove(failed)
            raise NotEnqueued(failed)

    def _message(self, task: AnyTask, args: Any, kwargs: Any) -> Message:
        fire = take_fire(task)
        return Message(
            backend=self.alias,
            id=str(time_ordered_id()),
            queue_name=task.queue_name,
            priority=task.priority,
            path=task.module_path,
            args=argument(task, "args", list(args)),
            kwargs=argument(task, "kwargs", dict(kwargs)),
            enqueued_at=timezone.now(),
            run_after=_aware(task.run_after),
            due_at=_timestamp(task.run_after),
            group=self._group((task, args, kwargs)),
            scheduled_for=fire.at if fire else None,
            replaces=fire.replaces if fire else 0,
        )

    def _group(self, call: Call) -> str | None:
        task = call[0]
        return self._named("message_group_id", call) or self._group_by_default(task.queue_name, task.priority)

    def _group_by_default(self, queue_name: str, priority: int) -> str | None:
        return queue_name if _is_fifo(self.url_of(queue_name, priority)) else None

    def _named(self, option: str, call: Call) -> str | None:
        """What the project's function says of this call."""
        function = self._functions[option]
        task, args, kwargs = call
        return function(task, args, kwargs) if function else None

    @cached_property
    def _functions(self) -> dict[str, Callable[..., str | None] | None]:
        """Made when first asked for: they may be functions of a tasks module."""
        options = {name: self.option(name) for name in ("message_group_id", "message_deduplication_id")}
        return {name: import_string(value) if isinstance(value, str) else value for name, value in options.items()}

    def letter(self, message: Message, deduplication: str | None = None, *, url: str = "") -> Letter:
        """The message as it is sent now; it comes back when its delay is over, and is sent again if it is not due.

        To ``url``, where it has come from: what OPTIONS say may be another one since.
        """
        url = url or self.url_of(message.queue_name, message.priority)
        delay = 0 if _is_fifo(url) else max(0, min(LONGEST_DELAY, math.ceil(message.due_at - time.time())))
        return Letter(
            id=message.id,
            url=url,
            body=encode(message),
            delay=delay,
            group=message.group,
            deduplication=(deduplication or f"{message.id}-{message.sent}") if _is_fifo(url) else None,
        )

    def result_of(self, message: Message, status: TaskResultStatus) -> AnyResult:
        from .sqs_store import result_of

        return result_of(self, message, status)

    def get_result(self, result_id: str) -> AnyResult:
        if not self.supports_get_result:
            return super().get_result(result_id)
        from .database_rows import get_result

        return get_result(self, result_id)

    def open_store(self, claimant: Claimant) -> Store:
        mailbox = Mailbox(
            self.client,
            lambda message, url: self.letter(message, url=url),
            alias=self.alias,
            urls=self._urls_of(claimant.queues),
            wait=self.option("wait_seconds"),
            handed=claimant.deliveries,
            remaining=claimant.remaining,
        )
        if self.supports_get_result:
            from .database_delivered import ResultsStore

            return ResultsStore(self, claimant, mailbox)
        from .sqs_store import SQSStore

        return SQSStore(self, claimant, mailbox)

    def _urls_of(self, queues: Collection[str]) -> list[list[str]]:
        """By priority, the highest first.

        Raises ``ImproperlyConfigured`` for one that other queues use, too: messages cannot be chosen.
        """
        if not queues:
            high = set(self.high_priority_queue_urls.values())
            return [[url for url in self.urls if url in high], [url for url in self.urls if url not in high]]
        return [self._own_urls(queues, option) for option in ("high_priority_queue_urls", "queue_urls")]

    def _own_urls(self, queues: Collection[str], option: str) -> list[str]:
        urls: dict[str, str] = getattr(self, option)
        others = {url for name, url in urls.items() if name not in queues}
        for name in queues:
            if urls.get(name, urls.get(EVERY_QUEUE)) in others:
                raise ImproperlyConfigured(
                    f"Queue {name!r} of {self.alias!r} shares its SQS queue with others, and is received with them; "
                    f"give it a URL of its own in OPTIONS[{option!r}]."
                )
        return [urls[name] for name in sorted(queues) if name in urls]

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        return [*super().check(**kwargs), *self._check_sqs()]

    def _check_sqs(self) -> Iterator[checks.CheckMessage]:
        unusable = list(self._check_values())
        yield from unusable or self.client.check(self.alias)
        for name in self.queues or [EVERY_QUEUE]:
            try:
                self.url_of(name, DEFAULT_TASK_PRIORITY)
            except InvalidTask as error:
                yield checks.Error(f"TASKS[{self.alias!r}]: {error}", hint=_HINT, id="oneshot.E007")
        for other in self._other_backends():
            for url in set(self.urls) & set(other.urls):
                yield checks.Error(
                    f"TASKS[{self.alias!r}] and TASKS[{other.alias!r}] have one queue, {url}.",
                    hint="Give each a queue of its own: each would receive the other's tasks, and leave them alone.",
                    id="oneshot.E008",
                )

    def _other_backends(self) -> Iterator[OneshotBackend]:
        for alias in task_backends:
            with suppress(Exception):  # one that cannot be made is an error of its own
                other = task_backends[alias]
                if isinstance(other, OneshotBackend) and other is not self:
                    yield other

    def _check_values(self) -> Iterator[checks.CheckMessage]:
        for url in self.urls:
            if not is_url(url):
                yield checks.Error(f"TASKS[{self.alias!r}]: {url!r} is no URL.", hint=_HINT, id="oneshot.E007")
        if self.option("results") and self.option("message_deduplication_id"):
            hint = "Leave one of them out: the row of a task that SQS drops as a duplicate would wait for ever."
            text = f"TASKS[{self.alias!r}]['OPTIONS'] has results and message_deduplication_id."
            yield checks.Error(text, hint=hint, id="oneshot.E004")
        wait, on_commit = self.option("wait_seconds"), self.option("on_commit")
        if isinstance(wait, bool) or not isinstance(wait, int) or not 0 <= wait <= LONGEST_WAIT:
            hint = f"Write whole seconds, 0 to {LONGEST_WAIT}."
            text = f"TASKS[{self.alias!r}]['OPTIONS']['wait_seconds'] is {wait!r}."
            yield checks.Error(text, hint=hint, id="oneshot.E004")
        if not isinstance(on_commit, bool) and on_commit not in connections:
            hint = "Write True, False, or the alias of a database."
            text = f"TASKS[{self.alias!r}]['OPTIONS']['on_commit'] is {on_commit!r}."
            yield checks.Error(text, hint=hint, id="oneshot.E004")


_HINT = 'Write "OPTIONS": {"queue_urls": "https://sqs.eu-west-1.amazonaws.com/123456789012/tasks"}.'


def _by_queue(urls: object) -> dict[str, str]:
    if isinstance(urls, Mapping):
        return {name: str(url) for name, url in urls.items()}
    return {EVERY_QUEUE: str(urls)} if urls else {}


def _is_fifo(url: str) -> bool:
    return url.endswith(".fifo")


def _aware(instant: datetime | None) -> datetime | None:
    return timezone.make_aware(instant) if instant is not None and timezone.is_naive(instant) else instant


def _timestamp(run_after: datetime | None) -> float:
    aware = _aware(run_after)
    return aware.timestamp() if aware else 0
