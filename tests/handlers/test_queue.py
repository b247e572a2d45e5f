from __future__ import annotations

import pytest
from django.conf import settings
from django.test import override_settings

from django_tasks_oneshot.compat import TaskResultStatus
from local_aws import FunctionError
from tests.handlers import tasks
from tests.project.settings import sqs
from tests.project.shop import tasks as shop
from tests.project.shop.models import Execution


def bodies(client, url):
    """Of all messages that can be received now."""
    found = []
    while received := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [message["Body"] for message in received]
    return found


class TestMessagesThatAreTasks:
    @pytest.fixture(autouse=True)
    def backend(self, use, queues):
        return use(high_priority_queue_urls=queues["high"].url)

    @pytest.fixture
    def queue(self, queues):
        return queues["default"]

    def test_its_tasks_run_and_their_messages_are_gone(self, function, poll, queue, count, rows):
        for number in range(12):
            shop.write_down.enqueue(str(number))
        call = function("queue")
        assert [poll(queue, call) for _ in range(3)] == [10, 2, 0]
        assert sorted(each.note for each in Execution.objects.all()) == sorted(map(str, range(12)))
        assert count(queue.url) == 0

    def test_a_task_that_fails_is_no_failure_of_the_call(self, function, poll, queue, count, rows):
        shop.fail_at_once.enqueue()
        call = function("queue")
        answers = [poll(queue, call) for _ in range(4)]
        assert answers == [1, 1, 1, 0]  # max_attempts is 3, and each retry is another message
        assert count(queue.url) == count(queue.dead_letter_url) == 0
        assert "failed for good in attempt 3" in call.logs()

    def test_a_message_that_is_no_task_is_left_alone(self, function, queue, client, queues, poll, count, rows):
        client.send_message(QueueUrl=queue.url, MessageBody="no task")
        shop.noop.enqueue()
        call = function("queue")
        poll(queue, call)
        assert count(queue.url) == 1
        assert call.logs().count("is left alone") == 1

    def test_what_there_is_no_time_for_comes_again_as_if_nothing_had_been(self, function, poll, queue, client):
        tasks.outlast.enqueue()
        for _ in range(3):
            shop.noop.enqueue()
        call = function("queue", timeout=6, margin=5)
        assert poll(queue, call) == 4
        received = []
        while more := client.receive_message(QueueUrl=queue.url, AttributeNames=["All"]).get("Messages"):
            received += more
        assert [each["Attributes"]["ApproximateReceiveCount"] for each in received] == ["1"] * 4
        assert "Stopped when its time was over" in call.logs()

    def test_a_function_that_has_no_time_at_all_fails_and_says_so(self, function, poll, queue, count):
        shop.noop.enqueue()
        call = function("queue", timeout=1, margin=5)
        poll(queue, call)
        assert count(queue.url) == 1
        assert "give the function a timeout that is longer than the 5.0 seconds" in call.logs()

    def test_an_event_of_something_else_is_refused(self, function):
        with pytest.raises(FunctionError, match="is no event of an event source mapping of SQS"):
            function("queue").invoke({"key1": "value1"})

    def test_a_task_that_still_runs_at_the_margin_continues_in_another_call(self, function, poll, queue, count):
        tasks.count_to.enqueue(25)
        shop.noop.enqueue()
        call = function("queue", timeout=6.5, margin=5)
        calls = 0
        while count(queue.url) and calls < 20:
            calls += bool(poll(queue, call))
        assert 1 < calls < 20
        assert count(queue.dead_letter_url) == 0
        assert "continues later" in call.logs()
        assert "interrupted" not in call.logs()

    def test_what_was_killed_without_a_warning_is_rescued_by_its_visibility(
        self, function, poll, queue, client, count, rows, come_back
    ):
        tasks.die_once.enqueue()
        shop.noop.enqueue()
        call = function("queue")
        assert poll(queue, call) == 2
        assert count(queue.url) == 2
        come_back(queue)
        while poll(queue, call):
            pass
        assert count(queue.url) == 0
        assert "die_once succeeded in attempt 2" in call.logs()

    def test_an_event_of_a_queue_that_no_settings_name_changes_nothing(self, function, poll, queues, client, count):
        shop.noop.enqueue()
        (body,) = bodies(client, queues["default"].url)
        stranger = queues["mail"]
        options = sqs(queue_urls=queues["default"].url, high_priority_queue_urls=queues["high"].url)
        with override_settings(TASKS={"default": options}):
            call = function("queue")
        client.send_message(QueueUrl=stranger.url, MessageBody=body)
        poll(stranger, call)
        assert count(stranger.url) == 1
        assert "has no queue of this name" in call.logs()


class TestMessagesOfRows:
    @pytest.fixture(autouse=True)
    def queue(self, dispatching, rows):
        return dispatching

    def test_the_row_of_a_message_is_run(self, function, poll, queue, count):
        result = shop.add.enqueue(1, 2)
        call = function("queue")
        assert poll(queue, call) == 1
        result.refresh()
        assert (result.status, result.return_value) == (TaskResultStatus.SUCCESSFUL, 3)
        assert count(queue.url) == 0

    def test_a_message_that_comes_twice_runs_its_row_once(self, function, poll, queue, client, count):
        shop.write_down.enqueue("once")
        (body,) = bodies(client, queue.url)
        for _ in range(3):
            client.send_message(QueueUrl=queue.url, MessageBody=body)
        call = function("queue")
        while poll(queue, call, batch_size=2):
            pass
        assert [each.note for each in Execution.objects.all()] == ["once"]

    def test_what_there_is_no_time_for_comes_again_at_once(self, function, poll, queue, count):
        tasks.outlast.enqueue()
        results = [shop.noop.enqueue() for _ in range(3)]
        call = function("queue", timeout=6, margin=5)
        assert poll(queue, call) == 4
        for result in results:
            result.refresh()
        assert {(result.status, result.attempts) for result in results} == {(TaskResultStatus.READY, 0)}
        assert poll(queue, call, batch_size=4) == 4

    def test_a_long_task_goes_on_at_once_in_other_calls(self, function, poll, queue):
        result = tasks.count_to.enqueue(60)
        call = function("queue", timeout=8, margin=5)
        calls = 0
        while poll(queue, call):
            calls += 1
        result.refresh()
        assert (result.return_value, result.attempts) == (59, calls)
        assert calls > 1

    def test_both_kinds_of_messages_may_be_in_one_event(self, function, client, queues, queue, use):
        row = shop.add.enqueue(1, 2)
        (of_row,) = bodies(client, queue.url)
        database = settings.TASKS["default"]
        with override_settings(TASKS={"default": database, "sqs": sqs(queue_urls=queues["default"].url)}):
            shop.write_down.using(backend="sqs").enqueue("by message")
            (task,) = bodies(client, queues["default"].url)
            call = function("queue")
        sources = [(of_row, queue.arn), (task, queues["default"].arn)]
        records = [record(number, body, arn) for number, (body, arn) in enumerate(sources)]
        assert call.invoke({"Records": records}) == {"batchItemFailures": []}
        row.refresh()
        assert row.return_value == 3
        assert [each.note for each in Execution.objects.all()] == ["by message"]


def record(number, body, arn):
    attributes = {"ApproximateReceiveCount": "1", "ApproximateFirstReceiveTimestamp": "1763000000000"}
    return {
        "messageId": str(number),
        "receiptHandle": f"receipt {number}",
        "body": body,
        "attributes": attributes,
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": "eu-west-1",
    }
