import base64
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from .errors import FunctionError

logger = logging.getLogger(__name__)

SECONDS_AFTER_AN_ERROR = 1.0
MAX_BATCH = 10  # of one ReceiveMessage


class EventSource:
    """What Lambda's event source mapping does with an SQS queue, with ``ReportBatchItemFailures``.

    Each of ``concurrency`` threads waits up to ``wait_seconds`` for up to ``batch_size`` messages and gives them to
    ``invoke``. What the answer does not report as failed is deleted; the rest comes back after the queue's visibility
    timeout.
    """

    def __init__(
        self,
        sqs_client: Any,
        queue_url: str,
        queue_arn: str,
        invoke: Callable[[dict[str, Any]], Any],
        *,
        batch_size: int = MAX_BATCH,
        wait_seconds: int = 1,
        concurrency: int = 1,
    ) -> None:
        if not 1 <= batch_size <= MAX_BATCH:
            raise ValueError(f"batch_size is from 1 to {MAX_BATCH}, not {batch_size}.")
        self._sqs = sqs_client
        self._queue_url = queue_url
        self._queue_arn = queue_arn
        self._invoke = invoke
        self._batch_size = batch_size
        self._wait_seconds = wait_seconds
        self._concurrency = concurrency
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    def poll_once(self) -> int:
        """Takes one batch at most. Returns how many messages were received, whatever became of them.

        A ``FunctionError`` means that nothing is deleted, and is logged.
        """
        messages = self._receive()
        if messages:
            self._delete(self._done(messages))
        return len(messages)

    def start(self) -> None:
        self._stopped.clear()
        for number in range(self._concurrency):
            thread = threading.Thread(target=self._poll, name=f"EventSource-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Waits for the batches that are under way."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _poll(self) -> None:
        while not self._stopped.is_set():
            try:
                self.poll_once()
            except Exception:
                logger.exception("Polling %s failed", self._queue_url)
                self._stopped.wait(SECONDS_AFTER_AN_ERROR)

    def _receive(self) -> list[dict[str, Any]]:
        response = self._sqs.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=self._batch_size,
            WaitTimeSeconds=self._wait_seconds,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages: list[dict[str, Any]] = response.get("Messages", [])
        return messages

    def _done(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        try:
            answer = self._invoke(event_of(messages, self._queue_arn))
        except FunctionError as error:
            logger.warning("%d messages of %s failed: %s", len(messages), self._queue_arn, error)
            return []
        failed = failed_ids(answer, (message["MessageId"] for message in messages))
        if failed is None:
            logger.warning("%d messages of %s failed: no valid answer: %r", len(messages), self._queue_arn, answer)
            return []
        return [message for message in messages if message["MessageId"] not in failed]

    def _delete(self, messages: list[dict[str, Any]]) -> None:
        entries = [{"Id": str(number), "ReceiptHandle": each["ReceiptHandle"]} for number, each in enumerate(messages)]
        if not entries:
            return
        response = self._sqs.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)
        for failure in response.get("Failed", []):
            logger.warning("A message was not deleted from %s: %s", self._queue_url, failure)


def failed_ids(answer: Any, known: Iterable[str]) -> set[str] | None:
    """The ids of the messages that the function reports as failed; None where all count as failed.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html, "Success and failure conditions"
    """
    if answer is None:
        return set()
    if not isinstance(answer, Mapping):
        return None
    failures = answer.get("batchItemFailures")
    if failures is None:
        return set()
    if not isinstance(failures, list) or not all(isinstance(failure, Mapping) for failure in failures):
        return None
    ids = [failure.get("itemIdentifier") for failure in failures]
    known = set(known)
    return set(ids) if all(isinstance(each, str) and each in known for each in ids) else None


def event_of(messages: list[dict[str, Any]], queue_arn: str) -> dict[str, Any]:
    return {"Records": [_record(message, queue_arn) for message in messages]}


def _record(message: dict[str, Any], queue_arn: str) -> dict[str, Any]:
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }
    if "MD5OfMessageAttributes" in message:
        record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return record


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    attribute = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "BinaryValue" in value:
        attribute["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    else:
        attribute["stringValue"] = value["StringValue"]
    return attribute
