"""Whole runs over messages."""

from __future__ import annotations

import json
import logging
import time
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.signing import Signer
from django.test import override_settings
from django.utils import timezone

from django_tasks_oneshot.backends import sqs_client, sqs_message
from django_tasks_oneshot.backends.base import Claimant, StoreUnavailable, Succeeded
from django_tasks_oneshot.backends.sqs_message import Message, encode
from django_tasks_oneshot.compat import task_backends
from django_tasks_oneshot.run import heartbeat
from tests.project.shop import tasks
from tests.project.shop.models import executed
from tests.sqs.endpoint import Fault


class Steps:
    """A clock that moves on by a second with each number that a task counts."""

    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(tasks, "after_each_number", self.advance)

    def __call__(self):
        return self.now

    def advance(self):
        self.now += 1


class TestOutcomes:
    def test_runs_what_is_due_and_ends_when_nothing_is(self, backend, run, count, url):
        for number in range(25):
            tasks.write_down.enqueue(str(number))
        report = run()
        assert (report.claimed, report.succeeded, report.remaining, report.stopped_because) == (25, 25, 0, "empty")
        assert sorted(executed(), key=int) == [str(number) for number in range(25)]
        assert count(url) == 0

    def test_an_idle_run_does_nothing(self, backend, run, endpoint):
        report = run()
        assert (report.claimed, report.stopped_because) == (0, "empty")
        assert set(endpoint.requests) == {"ReceiveMessage"}

    def test_a_failed_task_is_gone(self, backend, run, seen, count, url):
        result = tasks.raise_.enqueue("MemoryError")
        assert run().failed == 1
        assert seen[-1] == ("FAILED", result.id, 1, 1)
        assert count(url) == 0

    def test_attempts_end_with_max_attempts(self, backend, run, seen, count, url):
        result = tasks.fail_at_once.enqueue()
        report = run()
        assert (report.claimed, report.retried, report.failed) == (3, 2, 1)
        assert seen == [
            ("started", result.id, 1, 0),
            ("started", result.id, 2, 1),
            ("started", result.id, 3, 2),
            ("FAILED", result.id, 3, 3),
        ]
        assert count(url) == 0

    def test_attempts_end_with_max_attempts_however_long_their_errors_are(self, backend, run, seen):
        result = tasks.fail_at_length.enqueue()
        report = run()
        assert (report.claimed, report.failed) == (12, 1)
        assert seen[-1] == ("FAILED", result.id, 12, 12)

    def test_huge_errors_are_cut(self, backend, run, count, url):
        tasks.raise_.enqueue("huge")
        assert run().failed == 1
        assert count(url) == 0

    def test_a_retry_waits_for_its_backoff(self, backend, run, endpoint, count, url):
        tasks.fail_and_wait.enqueue()
        report = run()
        assert (report.claimed, report.retried, report.stopped_because) == (1, 1, "empty")
        _, retry = [entry for each in endpoint.sent("SendMessageBatch") for entry in each["Entries"]]
        assert 59 <= retry["DelaySeconds"] <= 60
        assert count(url) == 1

    def test_a_timeout_is_a_failure(self, backend, run, seen):
        result = tasks.hang_with_timeout.enqueue("sleep")
        assert run().failed == 1
        assert seen[-1] == ("FAILED", result.id, 1, 1)

    def test_what_a_task_enqueues_is_executed(self, backend, run):
        tasks.enqueue_another.enqueue()
        assert run().succeeded == 2


class TestTheEndOfARun:
    def test_interrupts_what_has_to_end_and_the_next_one_starts_it_again(self, backend, run, seen):
        result = tasks.hang.enqueue("sleep")
        report = run(max_seconds=0.3, grace_seconds=0)
        assert (report.interrupted, report.stopped_because) == (1, "max_seconds")
        assert run(max_seconds=0.3, grace_seconds=0).interrupted == 1
        assert seen == [("started", result.id, 1, 0), ("started", result.id, 2, 1)]

    def test_what_goes_on_later_goes_on_from_its_checkpoint(self, backend, run, monkeypatch, seen, count, url):
        clock = Steps(monkeypatch)
        result = tasks.walk.enqueue(7)
        assert run(max_seconds=3, clock=clock).continued == 1
        assert run(max_seconds=3, clock=clock).continued == 1
        assert run(max_seconds=3, clock=clock).succeeded == 1
        assert executed() == list("1234567")
        assert seen[-1] == ("SUCCESSFUL", result.id, 3, 0)
        assert count(url) == 0

    def test_a_message_is_signed_when_it_is_sent_and_not_with_each_checkpoint(self, use, run, rows, monkeypatch):
        use()
        tasks.walk.enqueue(100)
        signed = []
        sign = sqs_message._signed
        monkeypatch.setattr(sqs_message, "_signed", lambda message: signed.append(message) or sign(message))
        assert run(max_seconds=50, clock=Steps(monkeypatch)).continued == 1
        assert len(executed()) == 50
        assert len(signed) == 2  # what it is beside its checkpoint, and the message of the next attempt

    @pytest.mark.parametrize("how", ["checkpoint", "continue"])
    def test_a_checkpoint_that_no_message_takes_fails_its_attempt(self, use, run, rows, how, seen, count, url):
        use()
        result = tasks.keep_too_much.enqueue(how)
        report = run()
        assert (report.claimed, report.retried, report.succeeded) == (2, 1, 1)
        assert seen[-1] == ("SUCCESSFUL", result.id, 2, 1)
        assert count(url) == 0

    def test_a_signal_lets_the_running_task_finish_and_starts_no_other(self, backend, run, count, url, messages):
        tasks.raise_signal.enqueue("SIGTERM")
        report = run()
        assert (report.claimed, report.succeeded, report.stopped_because) == (1, 1, "signal")
        assert count(url) == 0

    def test_stops_after_max_tasks_and_says_what_is_left(self, backend, run, count, url):
        for _ in range(5):
            tasks.noop.enqueue()
        report = run(max_tasks=3)
        assert (report.claimed, report.remaining, report.stopped_because) == (3, 2, "max_tasks")
        assert count(url) == 2
        assert run().succeeded == 2

    def test_spends_nothing_on_what_it_claimed_and_did_not_start(self, backend, run, monkeypatch, seen):
        clock = Steps(monkeypatch)
        for _ in range(9):
            tasks.count_to.enqueue(1)
        first = run(max_seconds=5, clock=clock)
        assert (first.claimed, first.remaining) == (5, 4)
        assert run().succeeded == 4
        assert {attempt for _, _, attempt, _ in seen} == {1}

    def test_runs_only_the_queues_it_is_for(self, backend, run, queues, count):
        tasks.noop.using(queue_name="mail").enqueue()
        tasks.noop.enqueue()
        assert run(queues={"mail"}).claimed == 1
        assert (count(queues["mail"].url), count(queues["default"].url)) == (0, 1)

    def test_a_dry_run_takes_nothing(self, use, rows, endpoint, capsys):
        use(endpoint_url=endpoint.url)
        for _ in range(3):
            tasks.noop.enqueue()
        call_command("run_due_tasks", dry_run=True, format="json")
        assert json.loads(capsys.readouterr().out) == {"tasks": [], "schedules": [], "remaining": 3}
        assert not endpoint.requests["ReceiveMessage"]


class TestStrangeMessages:
    @pytest.fixture
    def send(self, client, url):
        return lambda body: client.send_message(QueueUrl=url, MessageBody=body)

    def test_what_is_unreadable_is_left_alone_and_logged_once(
        self, backend, run, send, hold, caplog, client, queues, count, url
    ):
        hold(0)
        bodies = ["hello", encode(Message(backend="default", id="1", queue_name="default", path="x"))[:-1] + "."]
        for body in bodies:
            send(body)
        with caplog.at_level(logging.ERROR):
            for _ in range(12):
                assert run().claimed == 0
        errors = [each.getMessage() for each in caplog.records if "is left alone" in each.getMessage()]
        assert len(errors) == 2
        assert all("not signed with this project's SECRET_KEY" in each for each in errors)
        assert count(url) == 0
        dead = client.receive_message(QueueUrl=queues["default"].dead_letter_url, MaxNumberOfMessages=10)["Messages"]
        assert sorted(each["Body"] for each in dead) == sorted(bodies)

    def test_what_is_unreadable_is_in_nobodys_way(self, backend, run, send, count, url):
        for _ in range(15):
            send("hello")
        for _ in range(5):
            tasks.noop.enqueue()
        assert run().succeeded == 5
        assert count(url) == 15

    @pytest.mark.parametrize("path", ["os.system", "tests.project.shop.tasks.not_a_task", "no.such.module", "x"])
    def test_only_tasks_are_called(self, use, run, send, path, seen, tmp_path, rows, caplog, count, url):
        use()
        victim = tmp_path / "made"
        send(encode(Message(backend="default", id="1", queue_name="default", path=path, args=[f"touch {victim}"])))
        assert run().failed == 1
        assert not victim.exists()
        assert seen[-1] == ("FAILED", "1", 1, 1)
        assert f"TaskNotFound: {path} cannot be run" in caplog.text
        assert count(url) == 0

    def test_those_of_an_alias_that_is_gone_are_left_alone(self, backend, run, send, caplog, count, url):
        send(encode(Message(backend="gone", id="1", queue_name="default", path="tests.project.shop.tasks.noop")))
        assert run().claimed == 0
        assert "it is of the backend 'gone'" in caplog.text
        assert count(url) == 1

    def test_those_of_a_queue_that_is_gone_go_on_where_they_are(self, use, run, queues, url, seen, count):
        """Its URL is still that of other queues."""
        use(queue_urls={"default": url, "mail": url})
        result = tasks.tell_attempt_of.using(queue_name="mail").enqueue("x")
        use(queue_urls={"default": url})
        assert run().retried == 1
        assert seen[-1] == ("SUCCESSFUL", result.id, 2, 1)
        assert count(url) == 0

    def test_another_secret_key_makes_them_unreadable_and_no_less_there(self, use, run, rows, count, url):
        use()
        tasks.noop.enqueue()
        with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["only for tests"]):
            assert run().succeeded == 1
        tasks.noop.enqueue()
        with override_settings(SECRET_KEY="new"):
            assert run().claimed == 0
        assert count(url) == 1

    def test_a_message_of_values_that_nobody_writes_ends_no_run(self, use, run, rows, send, count, url):
        use()
        for text in ("null", "[]", '{"v":1,"backend":"default","id":"1","queue_name":"q","attempts":"3"}'):
            send(Signer(salt="django_tasks_oneshot.sqs").sign(text))
        tasks.noop.enqueue()
        assert run().succeeded == 1
        assert count(url) == 3


class TestLeases:
    def test_a_task_longer_than_its_first_lease_is_kept(self, backend, run, hold, monkeypatch, count, url):
        hold(1.5)
        monkeypatch.setattr(heartbeat, "LONGEST_NAP", 0.1)
        others = []

        def take(seconds):
            time.sleep(seconds)
            others.extend(task_backends["default"].open_store(Claimant(worker_id="other")).claim(10))

        monkeypatch.setattr(tasks, "take_seconds", take)
        tasks.take.enqueue(2)
        assert run().succeeded == 1
        assert others == []
        assert count(url) == 0

    def test_the_outcome_of_one_whose_lease_ended_is_dropped(self, use, run, rows, hold, monkeypatch, seen, caplog):
        use()
        hold(1, renewed=False)
        monkeypatch.setattr(tasks, "take_seconds", time.sleep)
        result = tasks.take.enqueue(1.2)
        report = run(max_tasks=1)
        assert (report.claimed, report.succeeded, report.interrupted) == (1, 0, 1)
        assert "lost its lease" in caplog.text
        monkeypatch.setattr(tasks, "take_seconds", lambda seconds: None)
        report = run()
        assert (report.claimed, report.succeeded, report.interrupted) == (1, 1, 1)
        assert seen == [("started", result.id, 1, 0), ("started", result.id, 2, 1), ("SUCCESSFUL", result.id, 2, 1)]

    def test_a_batch_whose_run_died_is_executed_by_the_next_one(self, use, run, rows, hold, seen, count, url):
        backend = use()
        ids = sorted(tasks.noop.enqueue().id for _ in range(4))
        hold(1)
        held = backend.open_store(Claimant(worker_id="killed")).claim(10)
        while len(held) < 4:
            held += backend.open_store(Claimant(worker_id="killed")).claim(10)
        time.sleep(1.1)
        hold(30)
        report = run()
        assert report.succeeded == 4
        assert report.interrupted
        assert sorted(id_ for kind, id_, attempts, _ in seen if (kind, attempts) == ("SUCCESSFUL", 2)) == ids
        assert count(url) == 0

    def test_a_claim_that_has_waited_is_held_until_its_heartbeat_renews_it(self, use, client):
        backend = use()
        for _ in range(2):
            tasks.noop.enqueue()
        store = backend.open_store(Claimant(worker_id="w"))
        first, second = store.claim(2)
        second.state.delivery.lease_ends = time.monotonic() + 6
        assert store.record(first, Succeeded(ended_at=timezone.now(), return_value=None), start=second).started
        assert second.state.delivery.seconds_left > store.first_lease.total_seconds() / 3 + 2 * heartbeat.LONGEST_NAP


class TestOutages:
    def test_a_run_that_cannot_receive_says_so(self, backend, run, endpoint, monkeypatch):
        monkeypatch.setattr(sqs_client, "TRIES", 1)
        endpoint.faults = [Fault(close=True)]
        with pytest.raises(StoreUnavailable):
            run()

    def test_finished_tasks_that_could_not_be_deleted_are_deleted_later(self, use, queues, endpoint, rows, monkeypatch):
        monkeypatch.setattr(sqs_client, "TRIES", 1)
        backend = use(endpoint_url=endpoint.url)
        for name in ("default", "mail"):
            tasks.noop.using(queue_name=name).enqueue()
        mailbox = backend.open_store(Claimant(worker_id="w")).mailbox
        for _ in range(2):
            for each in mailbox.receive(10, timedelta(seconds=30)):
                mailbox.discard(each)
        endpoint.faults = [Fault(action="DeleteMessageBatch", times=1)]
        with pytest.raises(StoreUnavailable):
            mailbox.flush()
        mailbox.flush()
        deleted = {each["QueueUrl"] for each in endpoint.sent("DeleteMessageBatch")}
        assert deleted == {queues["default"].url, queues["mail"].url}
