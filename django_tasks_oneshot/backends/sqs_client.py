"""Amazon SQS as this package uses it: batches, retried by entry. Of backends, only this module knows boto3."""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from typing import Any

from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from .base import StoreUnavailable
from .sqs_message import LARGEST_MESSAGE

LARGEST_BATCH = 10  # messages
LONGEST_WAIT = 20  # seconds of a long poll
LONGEST_DELAY = 900  # seconds between the sending of a message and its first delivery
LONGEST_VISIBILITY = 12 * 3600  # seconds, from the receipt of a message on
CONNECT_SECONDS = 2  # a web request may wait for it, and a function that has not long
ANSWER_SECONDS = 5
PASSING = "still after some tries:"  # what SQS does not blame on the request
TRIES = 5  # of a request, and of an entry of a batch


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A message to send. ``delay`` in seconds; ``group`` and ``deduplication`` as SQS has them."""

    id: str
    url: str
    body: str
    delay: int = 0
    group: str | None = None
    deduplication: str | None = None

    def as_entry(self) -> dict[str, Any]:
        entry = {
            "MessageBody": self.body,
            "DelaySeconds": self.delay,
            "MessageGroupId": self.group,
            "MessageDeduplicationId": self.deduplication,
        }
        return {name: value for name, value in entry.items() if value}


class SQSClient:
    """Raises ``StoreUnavailable`` for what SQS still says after some tries."""

    def __init__(self, region: str | None = None, endpoint_url: str | None = None, *, wait: int = 0) -> None:
        self.region = region
        self.endpoint_url = endpoint_url
        self.wait = wait  # seconds of its longest poll

    def check_boto3(self, alias: str) -> list[checks.CheckMessage]:
        """Imports nothing: that would take longer than a tick."""
        if find_spec("boto3"):
            return []
        hint = "Type: pip install 'django-tasks-oneshot[sqs]'"
        return [checks.Error(f"TASKS[{alias!r}] needs boto3.", hint=hint, id="oneshot.E006")]

    def check(self, alias: str) -> list[checks.CheckMessage]:
        """What is missing to ask SQS anything."""
        if missing := self.check_boto3(alias):
            return missing
        try:
            self.prepare()
        except ImproperlyConfigured as error:
            hint = 'Write the one region of the URLs, such as "region": "eu-west-1", or mend endpoint_url.'
            return [checks.Error(f"TASKS[{alias!r}]: {error}", hint=hint, id="oneshot.E007")]
        return []

    def prepare(self) -> None:
        """Raises ``ImproperlyConfigured`` for what is missing to ask SQS anything."""
        _ = self._boto3

    def close(self) -> None:
        """Closes its connections; they are opened again when they are needed."""
        if "_boto3" in vars(self):
            self._boto3.close()

    def send(self, letters: Sequence[Letter]) -> dict[str, str]:
        """Returns why those that could not be sent were not, by their ids."""
        failed: dict[str, str] = {}
        unsent = [batch for url in dict.fromkeys(letter.url for letter in letters) for batch in _batches(letters, url)]
        while unsent:
            batch = unsent.pop(0)
            entries = {letter.id: letter.as_entry() for letter in batch}
            try:
                failed |= self._for_each("send_message_batch", batch[0].url, entries)
            except (StoreUnavailable, ImproperlyConfigured) as error:  # the others of this queue would fare alike
                alike = [each for each in unsent if each[0].url == batch[0].url]
                failed |= {letter.id: str(error) for each in [batch, *alike] for letter in each}
                unsent = [each for each in unsent if each not in alike]
        return failed

    def receive(self, url: str, limit: int, *, wait: int, visibility: int) -> list[dict[str, Any]]:
        """Like all durations here, ``wait`` and ``visibility`` are in seconds."""
        answer = self._call(
            "receive_message",
            QueueUrl=url,
            MaxNumberOfMessages=limit,
            WaitTimeSeconds=wait,
            VisibilityTimeout=visibility,
            MessageSystemAttributeNames=["ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp"],
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def delete(self, url: str, receipts: Sequence[str]) -> dict[str, str]:
        return self._for_receipts("delete_message_batch", url, receipts)

    def show_after(self, url: str, receipts: Sequence[str], seconds: int) -> dict[str, str]:
        """Makes messages that were received visible to others in so many seconds, counted from now.

        Returns those that others have, or nobody any more.
        """
        failed = self._for_receipts("change_message_visibility_batch", url, receipts, VisibilityTimeout=seconds)
        for reason in failed.values():
            if reason.startswith(PASSING):
                raise StoreUnavailable(f"SQS, {url}: {reason}")
        return failed

    def count(self, url: str) -> int:
        """About how many messages wait, that are due."""
        name = "ApproximateNumberOfMessages"
        return int(self._call("get_queue_attributes", QueueUrl=url, AttributeNames=[name])["Attributes"][name])

    def _for_receipts(self, action: str, url: str, receipts: Sequence[str], **values: Any) -> dict[str, str]:
        failed: dict[str, str] = {}
        for start in range(0, len(receipts), LARGEST_BATCH):
            entries = {each: {"ReceiptHandle": each, **values} for each in receipts[start : start + LARGEST_BATCH]}
            failed |= self._for_each(action, url, entries)
        return failed

    def _for_each(self, action: str, url: str, entries: dict[str, dict[str, Any]]) -> dict[str, str]:
        """One batch; what SQS refuses of it for a while is tried again."""
        names = list(entries)
        failed: dict[str, str] = {}
        refused: dict[str, Any] = {}
        for pause in _pauses():
            batch = [{"Id": str(number), **entries[name]} for number, name in enumerate(names)]
            try:
                answer = self._call(action, QueueUrl=url, Entries=batch)
            except StoreUnavailable:
                if not refused:
                    raise
                break  # the others were taken
            refused = {names[int(each["Id"])]: each for each in answer.get("Failed", [])}
            failed |= {name: _reason(each) for name, each in refused.items() if each.get("SenderFault")}
            names = [name for name in refused if name not in failed]
            if not names:
                return failed
            time.sleep(pause)
        return failed | {name: f"{PASSING} {_reason(refused[name])}" for name in names}

    def _call(self, action: str, **values: Any) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: dict[str, Any] = getattr(self._boto3, action)(**values)
        except (BotoCoreError, ClientError) as error:
            raise StoreUnavailable(f"SQS, {values['QueueUrl']}: {error}") from error
        return answer

    @cached_property
    def _boto3(self) -> Any:
        """Made when first used: its import takes longer than a short run."""
        with _making:
            session = _session()
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
        from botocore.handlers import add_recursion_detection_header

        config = Config(
            retries={"mode": "standard", "total_max_attempts": TRIES},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=self.wait + ANSWER_SECONDS,
        )
        try:
            with _making:
                client = session.client("sqs", region_name=self.region, endpoint_url=self.endpoint_url, config=config)
        except (BotoCoreError, ValueError) as error:
            raise ImproperlyConfigured(f"SQS: {error}") from error
        # A task may be sent by the function that it calls as often as it takes. Lambda ends that after 16 times, if it
        # is told: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
        client.meta.events.unregister("before-call", add_recursion_detection_header)
        return client


_making = threading.Lock()  # clients may be used by several threads, a session may not


@cache
def _session() -> Any:
    """What is read of boto3's files is read once."""
    try:
        import boto3
    except ImportError as error:
        raise ImproperlyConfigured("SQS needs boto3: pip install 'django-tasks-oneshot[sqs]'") from error
    return boto3.session.Session()


def is_url(value: object) -> bool:
    return isinstance(value, str) and re.match("https?://.", value) is not None


def region_of(urls: Sequence[str]) -> str | None:
    """The region that the URLs of AWS tell; ``None`` for others, and where there are several."""
    found = {match[1] for url in urls if (match := re.match(r"https://sqs\.([a-z0-9-]+)\.amazonaws\.com", url))}
    return found.pop() if len(found) == 1 else None


def _batches(letters: Sequence[Letter], url: str) -> Iterator[list[Letter]]:
    """Those for one queue, by number and by size: SQS takes no more in a batch than in one message."""
    batch: list[Letter] = []
    size = 0
    for letter in letters:
        if letter.url != url:
            continue
        if batch and (len(batch) == LARGEST_BATCH or size + len(letter.body) > LARGEST_MESSAGE):
            yield batch
            batch, size = [], 0
        batch.append(letter)
        size += len(letter.body)
    if batch:
        yield batch


def _pauses() -> Iterator[float]:
    """Seconds between tries, drawn so that those who fail together do not try again together."""
    for number in range(TRIES):
        yield random.uniform(0, 0.1 * 2**number)  # noqa: S311 - not a secret


def _reason(refused: dict[str, Any]) -> str:
    return f"{refused.get('Code')}: {refused.get('Message', '')}".rstrip(": ")
