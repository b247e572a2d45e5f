"""Rows, and messages which say that there is something to do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from django_tasks_oneshot.backends import sqs_client
from django_tasks_oneshot.backends.base import Claimant
from django_tasks_oneshot.backends.sqs_event import deliveries_in
from django_tasks_oneshot.backends.sqs_message import Message, encode
from django_tasks_oneshot.compat import TaskResultStatus, task_backends
from tests.project.shop import tasks
from tests.project.shop.models import executed
from tests.sqs.endpoint import Fault

DATABASE = "django_tasks_oneshot.backends.database.DatabaseBackend"


def status(result):
    result.refresh()
    return result.status


@pytest.fixture
def queue(queues):
    return queues["dispatch"]


@pytest.fixture
def url(queue):
    return queue.url


def dispatching(url, endpoint, **options):
    dispatch = {"sqs_queue_url": url, "endpoint_url": endpoint.url, "region": "eu-west-1", **options}
    return {"BACKEND": DATABASE, "QUEUES": [], "OPTIONS": {"dispatch": dispatch}}


@pytest.fixture
def backend(url, endpoint, rows, monkeypatch):
    monkeypatch.setattr(sqs_client, "TRIES", 1)
    with override_settings(TASKS={"default": dispatching(url, endpoint)}):
        yield task_backends["default"]


@pytest.fixture
def receive(client, queue):
    """What Lambda hands over: an event of all messages that are to be received."""

    def receive():
        names = ["ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp"]
        records = []
        while received := client.receive_message(
            QueueUrl=queue.url, MaxNumberOfMessages=10, MessageSystemAttributeNames=names
        ).get("Messages"):
            records += [
                {
                    "messageId": each["MessageId"],
                    "receiptHandle": each["ReceiptHandle"],
                    "body": each["Body"],
                    "attributes": each["Attributes"],
                    "eventSourceARN": queue.arn,
                }
                for each in received
            ]
        return {"Records": records}

    return receive


@pytest.fixture
def handed(run):
    """A run of the deliveries of an event; its report, and whether each is settled."""

    def handed(event, **options):
        ((_, deliveries),) = deliveries_in(event).items()
        return run(deliveries=deliveries, **options), [each.is_settled for each in deliveries]

    return handed


def make_due(rows):
    rows.filter(due_at__isnull=False).update(due_at=timezone.now() - timedelta(seconds=1))


class TestEnqueuing:
    def test_a_message_with_the_id_alone_is_sent_when_the_row_is_committed(self, backend, messages, count, url):
        with transaction.atomic():
            result = tasks.write_down.enqueue("secret")
            assert count(url) == 0
        assert messages(url) == [Message(backend="default", id=result.id, queue_name="default")]

    def test_after_a_rollback_nothing_is_sent(self, backend, endpoint, rows):
        with transaction.atomic():
            tasks.noop.enqueue()
            transaction.set_rollback(True)
        assert not endpoint.requests
        assert not rows.exists()

    def test_25_of_one_transaction_are_3_requests(self, backend, endpoint, count, url):
        with transaction.atomic():
            for _ in range(25):
                tasks.noop.enqueue()
        assert endpoint.requests == {"SendMessageBatch": 3}
        assert count(url) == 25

    def test_where_sqs_is_away_it_is_stored_and_the_log_says_so(self, backend, endpoint, rows, caplog):
        endpoint.faults = [Fault(close=True)]
        backend.enqueue_many([(tasks.noop, (), {})] * 3)
        assert rows.count() == 3
        assert "3 task(s) are not dispatched, but stored: a run sees to them" in caplog.text

    def test_each_has_a_group_of_its_own_in_a_queue_that_has_groups(self, queues, endpoint, rows, count):
        url = queues["dispatch.fifo"].url
        with override_settings(TASKS={"default": dispatching(url, endpoint)}):
            ids = [tasks.noop.enqueue().id for _ in range(2)]
        entries = [entry for each in endpoint.sent("SendMessageBatch") for entry in each["Entries"]]
        assert [each["MessageGroupId"] for each in entries] == ids
        assert count(url) == 2


class TestTicks:
    def test_a_run_leaves_alone_what_was_dispatched(self, backend, run, endpoint):
        tasks.noop.enqueue()
        report = run()
        assert (report.claimed, report.dispatched) == (0, 0)
        assert endpoint.requests == {"SendMessageBatch": 1}

    def test_what_is_due_later_gets_a_message_when_it_is(self, backend, run, rows, messages, count, url):
        result = tasks.noop.using(run_after=timezone.now() + timedelta(hours=2)).enqueue()
        assert run().dispatched == 0
        assert count(url) == 0
        make_due(rows)
        report = run()
        assert (report.dispatched, report.claimed) == (1, 0)
        assert [each.id for each in messages(url)] == [result.id]
        assert run().dispatched == 0

    def test_a_message_that_was_lost_is_sent_again(self, backend, run, rows, count, url, client, queue):
        tasks.noop.enqueue()
        client.purge_queue(QueueUrl=url)
        assert run().dispatched == 0
        make_due(rows)
        assert run().dispatched == 1
        assert count(url) == 1

    def test_the_longer_a_task_waits_the_fewer_messages_are_sent_of_it(self, backend, run, rows):
        tasks.noop.enqueue()
        for age, patience in ((60, 300), (900, 900), (10**6, 3600)):
            enqueued_at = timezone.now() - timedelta(seconds=age)
            rows.update(enqueued_at=enqueued_at, due_at=timezone.now() - timedelta(seconds=1))
            assert run().dispatched == 1
            waits = (rows.get().due_at - timezone.now()).total_seconds()
            assert patience - 60 < waits < patience + 60

    def test_many_are_dispatched_in_one_run(self, backend, run, rows, count, url, endpoint):
        endpoint.faults = [Fault(close=True)]
        backend.enqueue_many([(tasks.noop, (), {})] * 230)
        endpoint.faults = []
        make_due(rows)
        assert run().dispatched == 230
        assert count(url) == 230

    def test_two_runs_at_once_send_one_message_each(self, backend, run, rows, count, url, in_threads):
        with override_settings(TASKS={"default": {**backend._params, "OPTIONS": {}}}):
            task_backends["default"].enqueue_many([(tasks.noop, (), {})] * 50)
        sent = []
        in_threads(2, lambda: sent.append(backend.open_store(Claimant(worker_id="w")).dispatch()))
        assert (sum(sent), count(url)) == (50, 50)

    def test_the_run_executes_by_itself_what_it_cannot_dispatch(self, backend, run, rows, endpoint):
        endpoint.faults = [Fault(close=True)]
        results = [tasks.write_down.enqueue(str(number)) for number in range(3)]
        make_due(rows)
        report = run()
        assert (report.claimed, report.succeeded, report.dispatched) == (3, 3, 0)
        assert {status(each) for each in results} == {TaskResultStatus.SUCCESSFUL}

    def test_a_dry_run_sends_nothing(self, backend, rows, endpoint, capsys):
        tasks.noop.using(run_after=timezone.now() - timedelta(seconds=1)).enqueue()
        make_due(rows)
        endpoint.reset()
        call_command("run_due_tasks", dry_run=True)
        assert "tests.project.shop.tasks.noop" in capsys.readouterr().out
        assert not endpoint.requests


class TestDeliveries:
    def test_they_are_executed_and_settled_and_nothing_else_is(self, backend, receive, handed, endpoint):
        dispatched = [tasks.write_down.enqueue(str(number)) for number in range(3)]
        event = receive()
        tasks.write_down.enqueue("not delivered")
        report, settled = handed(event)
        assert (report.claimed, report.succeeded, settled) == (3, 3, [True] * 3)
        assert executed() == ["0", "1", "2"]
        assert {status(each) for each in dispatched} == {TaskResultStatus.SUCCESSFUL}

    def test_duplicates_and_late_ones_change_nothing(self, backend, receive, handed, client, queue):
        result = tasks.write_down.enqueue("once")
        (record,) = receive()["Records"]
        event = {"Records": [record, {**record, "messageId": "another"}, {**record, "messageId": "third"}]}
        report, settled = handed(event)
        assert (report.succeeded, settled) == (1, [True] * 3)
        report, settled = handed(event)
        assert (report.claimed, settled) == (0, [True] * 3)
        assert executed() == ["once"]
        assert status(result) == TaskResultStatus.SUCCESSFUL
        assert result.attempts == 1

    def test_their_order_is_no_matter(self, backend, receive, handed):
        for number in range(5):
            tasks.write_down.enqueue(str(number))
        event = receive()
        event["Records"].reverse()
        report, _ = handed(event)
        assert report.succeeded == 5
        assert sorted(executed()) == list("01234")

    def test_one_that_another_run_has_is_settled(self, backend, receive, handed, rows, run):
        tasks.noop.enqueue()
        event = receive()
        make_due(rows)
        with override_settings(TASKS={"default": {**backend._params, "OPTIONS": {}}}):
            (claim,) = task_backends["default"].open_store(Claimant(worker_id="other")).claim(1) or [None]
        report, settled = handed(event)
        assert (report.claimed, settled) == (0, [True])
        assert claim

    def test_one_whose_row_is_gone_is_settled(self, backend, receive, handed, rows):
        tasks.noop.enqueue()
        rows.all().delete()
        report, settled = handed(receive())
        assert (report.claimed, settled) == (0, [True])

    def test_one_that_is_due_later_waits_for_its_tick(self, backend, receive, handed, rows):
        tasks.fail_and_wait.enqueue()
        event = receive()
        report, settled = handed(event)
        assert (report.retried, settled) == (1, [True])
        report, settled = handed(event)
        assert (report.claimed, settled) == (0, [True])

    def test_what_was_not_started_is_sent_anew_and_spends_nothing(self, backend, receive, handed):
        results = [tasks.write_down.enqueue(str(number)) for number in range(3)]
        event = receive()
        report, settled = handed(event, max_tasks=1)
        assert (report.claimed, settled) == (1, [True] * 3)
        report, settled = handed(receive())
        assert (report.claimed, settled) == (2, [True] * 2)
        assert sorted(executed()) == list("012")
        for each in results:
            each.refresh()
        assert [each.attempts for each in results] == [1, 1, 1]

    @pytest.mark.parametrize("how", ["interrupted", "retried", "continued"])
    def test_what_is_to_be_executed_again_at_once_gets_another_message(
        self, how, backend, receive, handed, messages, url, client
    ):
        if how == "interrupted":
            task, limits = tasks.hang.using(), {"max_seconds": 0.3, "grace_seconds": 0}
            result = task.enqueue("sleep")
        else:
            limits = {}
            result = tasks.retry_once.enqueue() if how == "retried" else tasks.count_to.enqueue(2)
        event = receive()
        report, settled = handed(event, **limits)
        assert getattr(report, how) == 1
        assert report.claimed == 1
        assert settled == [True]
        client.delete_message(QueueUrl=url, ReceiptHandle=event["Records"][0]["receiptHandle"])
        assert [each.id for each in messages(url)] == [result.id]
        assert status(result) == TaskResultStatus.READY

    def test_a_run_that_was_killed_is_followed_by_another_message(
        self, backend, receive, handed, rows, run, count, url
    ):
        result = tasks.write_down.enqueue("rescued")
        event = receive()
        ((_, deliveries),) = deliveries_in(event).items()
        assert backend.open_store(Claimant(worker_id="killed", deliveries=deliveries)).claim(1)
        make_due(rows)
        assert run().dispatched == 1
        report, settled = handed(receive())
        assert (report.succeeded, report.interrupted, settled) == (1, 1, [True])
        assert executed() == ["rescued"]
        result.refresh()
        assert result.attempts == 2

    def test_those_of_others_are_left_out(self, backend, receive, client, url, caplog):
        client.send_message(QueueUrl=url, MessageBody="hello")
        client.send_message(QueueUrl=url, MessageBody=encode(Message(backend="gone", id="1", queue_name="q")))
        assert deliveries_in(receive()) == {}
        assert "not signed with this project's SECRET_KEY" in caplog.text
        assert "TASKS['gone'] has no queue of this name" in caplog.text


class TestSettings:
    @pytest.mark.parametrize(
        "dispatch", ["https://sqs/1/2", {"url": "x"}, {"sqs_queue_url": "x", "y": 1}, {"region": "eu-west-1"}]
    )
    def test_what_cannot_be_meant_is_refused(self, dispatch):
        tasks = {"default": {"BACKEND": DATABASE, "OPTIONS": {"dispatch": dispatch}}}
        with override_settings(TASKS=tasks), pytest.raises(ImproperlyConfigured, match=r"write \{'sqs_queue_url'"):
            task_backends["default"].check()

    @pytest.mark.parametrize("seconds", [0, -1, "5", None])
    def test_messages_of_one_row_have_some_time_between_them(self, url, endpoint, seconds):
        tasks = {"default": dispatching(url, endpoint, republish_seconds=seconds)}
        with override_settings(TASKS=tasks), pytest.raises(ImproperlyConfigured, match="republish_seconds"):
            task_backends["default"].check()

    def test_e006_boto3_is_missing(self, backend, monkeypatch):
        assert backend.check() == []
        monkeypatch.setattr(sqs_client, "find_spec", lambda name: None)
        (error,) = backend.check()
        assert (error.id, error.msg) == ("oneshot.E006", "TASKS['default'] needs boto3.")

    def test_a_project_without_time_zones_can_dispatch(self, settings, url, endpoint, receive, handed, rows, run):
        settings.USE_TZ = False
        settings.TASKS = {"default": dispatching(url, endpoint)}
        tasks.write_down.enqueue("naive")
        rows.update(due_at=timezone.now() - timedelta(seconds=1))
        assert run().dispatched == 1
        assert handed(receive())[0].succeeded == 1
