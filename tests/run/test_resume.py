"""Tasks that take longer than a run: each of their runs goes on where the one before stopped."""

from __future__ import annotations

import re
import signal
import string
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connection, models, transaction
from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber
from django.db.transaction import TransactionManagementError
from django.test.utils import isolate_apps
from django.utils import timezone

from django_tasks_oneshot import TaskContext
from django_tasks_oneshot.backends.database_store import DatabaseStore
from django_tasks_oneshot.compat import TaskResultStatus, task_started
from django_tasks_oneshot.contract.progress import Checkpoint, Progress
from django_tasks_oneshot.models import Attempt, StoredTask
from tests.clock import Clock
from tests.project.shop import tasks
from tests.project.shop.models import Execution, Letter, Parcel, SpecialParcel

ALL = list(string.ascii_lowercase[:10])
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def parcel(number):
    """The values of all its fields ascend with its number, but for the label's."""
    return {
        "pk": 10 * number + 10,
        "code": string.ascii_lowercase[number],
        "uuid": uuid.UUID(int=number << 64),
        "sent_at": BEGINNING + timedelta(microseconds=number),
        "weight": f"{number}.5",
        "label": "zyxwv"[number % 5],
    }


@pytest.fixture
def parcels(rows):
    for number in range(10):
        Parcel.objects.create(**parcel(number))


@pytest.fixture
def clock(monkeypatch):
    """Each parcel takes a second, and nothing else takes any time."""
    clock = Clock()

    def pass_a_second(parcel):
        clock.now += 1

    monkeypatch.setattr(tasks, "after_each_parcel", pass_a_second)
    return clock


@pytest.fixture
def checkpoints(monkeypatch):
    """What was made durable while tasks ran."""
    cursors = []
    checkpoint = DatabaseStore.checkpoint

    def watched(self, claim):
        cursors.append(claim.checkpoint.cursor)
        return checkpoint(self, claim)

    monkeypatch.setattr(DatabaseStore, "checkpoint", watched)
    return cursors


def delivered():
    return [each.note for each in Execution.objects.order_by("pk")]


def outcomes():
    return [each.outcome for each in Attempt.objects.order_by("number")]


def refreshed(result):
    result.refresh()
    return result


def let_lease_end():
    StoredTask.objects.update(due_at=timezone.now() - timedelta(seconds=1))


@pytest.mark.usefixtures("parcels")
class TestALoop:
    def test_goes_on_in_the_next_run_after_the_last_item_that_was_done(self, run, clock):
        result = tasks.deliver_all.enqueue()
        reports = [run(max_seconds=4, clock=clock) for _ in range(3)]
        assert delivered() == ALL
        assert [report.continued for report in reports] == [1, 1, 0]
        assert [report.stopped_because for report in reports] == ["max_seconds", "max_seconds", "empty"]
        refreshed(result)
        assert (result.status, result.return_value, result.errors) == (
            TaskResultStatus.SUCCESSFUL,
            "all delivered",
            [],
        )
        assert outcomes() == ["CONTINUED", "CONTINUED", "SUCCEEDED"]

    def test_leaves_nothing_for_another_run_where_it_ends_with_the_time(self, run, clock):
        tasks.deliver_all.enqueue()
        assert run(max_seconds=10, clock=clock).succeeded == 1

    def test_stops_where_the_next_item_would_be_cut_off(self, run, clock):
        tasks.deliver_all.enqueue()
        report = run(max_seconds=3.5, grace_seconds=0, clock=clock)
        assert (delivered(), report.continued, report.interrupted) == (ALL[:3], 1, 0)
        assert (report.stopped_because, report.remaining) == ("nothing_fits", 1)

    def test_that_stopped_leaves_the_rest_of_the_run_to_others(self, run, clock):
        tasks.deliver_all.enqueue()
        tasks.write_down.enqueue("another")
        run(max_seconds=3.5, grace_seconds=0, clock=clock)
        assert delivered() == [*ALL[:3], "another"]

    def test_that_stopped_is_not_what_the_next_run_has_to_start_with(self, run, clock):
        tasks.deliver_all.enqueue()
        run(max_seconds=3.5, grace_seconds=0, clock=clock)
        tasks.write_down.using(priority=10).enqueue("urgent")
        run(max_seconds=3.5, grace_seconds=0, clock=clock)
        assert delivered() == [*ALL[:3], "urgent", *ALL[3:6]]

    def test_does_one_item_in_each_run_however_late_it_begins(self, run, clock):
        """Else it would never come further where runs have no time left for it, again and again."""

        def begin_late(**kwargs):
            clock.now += 5

        tasks.deliver_all.enqueue()
        task_started.connect(begin_late)
        for count in range(1, 11):
            run(max_seconds=4, clock=clock)
            assert delivered() == ALL[:count]
        task_started.disconnect(begin_late)

    def test_goes_on_where_nothing_bounds_the_run(self, run, clock):
        tasks.deliver_all.enqueue()
        assert run(clock=clock).succeeded == 1
        assert delivered() == ALL

    def test_is_written_down_every_half_a_second(self, run, clock, checkpoints, monkeypatch):
        def pass_a_while(parcel):
            clock.now += 0.2

        monkeypatch.setattr(tasks, "after_each_parcel", pass_a_while)
        tasks.deliver_all.enqueue()
        run(clock=clock)
        assert checkpoints == [30, 60, 90, None]  # the last one: the loop is over

    def test_is_written_down_after_each_item_if_asked_to(self, run, clock, checkpoints):
        tasks.deliver_all.enqueue(checkpoint_every=0)
        run(max_seconds=3, clock=clock)
        assert checkpoints == [10, 20, 30, 30]

    def test_hands_over_before_the_timeout_of_its_task(self, run, clock):
        result = tasks.deliver_all_with_timeout.enqueue()
        Parcel.objects.create(**parcel(11))
        reports = [run(max_tasks=1, clock=clock) for _ in range(2)]
        assert [(report.continued, report.failed) for report in reports] == [(1, 0), (0, 0)]
        assert refreshed(result).status == TaskResultStatus.SUCCESSFUL
        assert len(delivered()) == 11

    def test_goes_on_after_an_error_with_the_item_that_had_it(self, run, clock):
        result = tasks.deliver_all_and_fail_once.enqueue("e")
        run(clock=clock)
        assert (delivered(), outcomes()) == (ALL, ["FAILED", "SUCCEEDED"])
        assert len(refreshed(result).errors) == 1

    def test_repeats_only_the_item_that_a_deadline_interrupted(self, run, clock, monkeypatch):
        hung = []

        def hang_once(parcel):
            if parcel.code == "d" and not hung:
                hung.append(parcel)
                clock.now += 3600
                tasks.time.sleep(60)

        monkeypatch.setattr(tasks, "after_each_parcel", hang_once)
        tasks.deliver_all.enqueue()
        assert run(max_seconds=5, grace_seconds=0, clock=clock).interrupted == 1
        run()
        assert delivered() == ["a", "b", "c", "d", *ALL[3:]]

    def test_may_be_interrupted_as_often_as_it_comes_further(self, run, clock, monkeypatch):
        seen = []

        def hang_at_the_second(parcel):
            """Three times at the first one: that is as often as it may."""
            seen.append(parcel)
            if len(seen) <= 3 or len(seen) % 2:
                clock.now += 3600
                tasks.time.sleep(60)

        monkeypatch.setattr(tasks, "after_each_parcel", hang_at_the_second)
        result = tasks.deliver_all.enqueue()
        reports = [run(max_seconds=5, grace_seconds=0, clock=clock) for _ in range(8)]
        assert [(report.interrupted, report.failed) for report in reports] == [(1, 0)] * 8
        assert refreshed(result).status == TaskResultStatus.READY
        assert len({each.pk for each in seen}) == 6

    def test_stops_at_a_signal_with_nothing_to_repeat(self, run, clock, monkeypatch):
        monkeypatch.setattr(
            tasks, "after_each_parcel", lambda parcel: parcel.code == "d" and signal.raise_signal(signal.SIGTERM)
        )
        tasks.deliver_all.enqueue()
        report = run(clock=clock)
        assert (report.stopped_because, report.continued, delivered()) == ("signal", 1, ALL[:4])
        monkeypatch.undo()
        run()
        assert delivered() == ALL

    def test_repeats_one_item_after_a_kill_where_each_is_written_down(self, manage, run):
        tasks.deliver_all_and_be_killed.enqueue("d")
        assert manage("run_due_tasks").returncode == -signal.SIGKILL
        let_lease_end()
        assert run().succeeded == 1
        assert delivered() == ["a", "b", "c", "d", *ALL[3:]]
        assert outcomes() == ["INTERRUPTED", "SUCCEEDED"]

    def test_sees_what_was_added_and_removed_meanwhile(self, run, clock):
        tasks.deliver_all.enqueue()
        run(max_seconds=3, clock=clock)
        Parcel.objects.create(**parcel(11))
        Parcel.objects.filter(code__in=["c", "d"]).delete()
        run(clock=clock)
        assert delivered() == [*"abc", *"efghij", "l"]

    def test_lets_what_is_due_go_first_before_it_continues(self, run, clock):
        tasks.deliver_all.enqueue()
        run(max_seconds=3, clock=clock)
        other = tasks.write_down.enqueue("another")
        StoredTask.objects.filter(pk=other.id).update(due_at=timezone.now() - timedelta(hours=1))
        run(clock=clock)
        assert delivered() == [*ALL[:3], "another", *ALL[3:]]

    def test_in_an_async_task(self, run, clock):
        result = tasks.deliver_all_later.enqueue()
        while refreshed(result).status != TaskResultStatus.SUCCESSFUL:
            run(max_seconds=4, clock=clock)
        assert delivered() == ALL
        assert outcomes() == ["CONTINUED", "CONTINUED", "SUCCEEDED"]

    def test_after_one_that_was_left_by_a_break(self, run, clock):
        tasks.deliver_twice.enqueue()
        while StoredTask.objects.get().status != TaskResultStatus.SUCCESSFUL:
            run(max_seconds=5, clock=clock)
        assert delivered() == [*"abc", *reversed(ALL)]

    def test_runs_in_a_testcase(self, db):
        """On the test's own connection, in its transaction."""
        result = tasks.deliver_all.enqueue()
        call_command("run_due_tasks", verbosity=0)
        assert refreshed(result).status == TaskResultStatus.SUCCESSFUL

    def test_of_a_task_that_succeeded_keeps_no_checkpoint(self, run):
        tasks.deliver_all.enqueue(0)
        run()
        assert StoredTask.objects.get().checkpoint is None


@pytest.mark.usefixtures("parcels")
class TestKeys:
    @pytest.mark.parametrize("key", ["pk", "id", "code", "uuid", "sent_at", "weight"])
    @pytest.mark.parametrize("direction", ["", "-"])
    def test_any_unique_field_will_do(self, run, clock, key, direction):
        result = tasks.deliver_in_order_of.enqueue(key, f"{direction}{key}")
        while refreshed(result).status == TaskResultStatus.READY:
            run(max_seconds=1, clock=clock)
        assert delivered() == (ALL[::-1] if direction else ALL)
        assert (result.status, result.attempts) == (TaskResultStatus.SUCCESSFUL, 10)

    @pytest.mark.parametrize(
        ("key", "order", "text"),
        [
            ("label", "label", "'label' of shop.Parcel is not unique, or may be NULL"),
            ("invoice", "invoice", "'invoice' of shop.Parcel is not unique, or may be NULL"),
            ("pk", "code", "the queryset is in the order of code, and key='pk'; write .order_by('id'), or"),
            ("pk", "?", "the queryset is in the order of ?"),
            ("colour", "pk", "shop.Parcel has no field 'colour'; write key='pk'"),
        ],
    )
    def test_what_could_leave_rows_out_is_refused(self, run, key, order, text):
        result = tasks.deliver_in_order_of.enqueue(key, order)
        assert run().failed == 1
        assert text in refreshed(result).errors[0].traceback

    def test_a_primary_key_may_be_a_foreign_key(self, rows, progress):
        for number in range(11, 14):
            SpecialParcel.objects.create(**parcel(number))
        assert [each.code for each in progress(SpecialParcel.objects.all(), after=1)] == ["m", "n"]

    def test_rows_may_be_dicts_that_have_the_key(self, rows, progress):
        assert [each["code"] for each in progress(Parcel.objects.values("pk", "code"), after=8)] == ["i", "j"]
        assert [each["code"] for each in progress(Parcel.objects.values("code"), key="code", after=8)] == ["i", "j"]

    def test_a_foreign_key_goes_by_its_column(self, rows, progress):
        """By its name it would be in the order that the other model has."""
        for number, name in enumerate("cab"):
            Letter.objects.create(parcel=Parcel.objects.get(code=name), text=number)
        assert [each.parcel.code for each in progress(Letter.objects.all(), key="parcel")] == ["a", "b", "c"]
        assert [each.parcel.code for each in progress(Letter.objects.all(), key="parcel", after=1)] == ["b", "c"]
        with pytest.raises(ValueError, match="is in the order of parcel, and key='parcel'"):
            progress(Letter.objects.order_by("parcel"), key="parcel")
        assert len(list(progress(Letter.objects.order_by("parcel_id"), key="parcel"))) == 3

    @pytest.mark.parametrize(
        ("queryset", "expected"),
        [
            (lambda: Parcel.objects.order_by("pk").reverse(), "ba"),
            (lambda: Parcel.objects.order_by("-pk").reverse(), "ij"),
            (lambda: Parcel.objects.reverse(), "ba"),
            (lambda: Parcel.objects.reverse().reverse(), "ij"),
        ],
    )
    def test_a_reversed_queryset_goes_backwards(self, rows, progress, queryset, expected):
        assert [each.code for each in progress(queryset(), after=8)] == list(expected)

    def test_a_join_that_repeats_rows_is_refused(self, rows, progress):
        for text in "xy":
            Parcel.objects.get(code="c").notes.create(text=text)
        with pytest.raises(ValueError, match="two rows, one after the other, have pk 30"):
            list(progress(Parcel.objects.values("pk", "notes__text")))

    def test_batches_are_done_together(self, rows, progress):
        batches = [[each.code for each in batch] for batch in progress(Parcel.objects.all(), after=1, batch_size=4)]
        assert batches == [["e", "f", "g", "h"], ["i", "j"]]

    @pytest.mark.parametrize(
        ("queryset", "key", "text"),
        [
            (lambda: Parcel.objects.values_list("pk"), None, "rows without their 'pk'; write .values('pk', ...)"),
            (lambda: Parcel.objects.annotate(n=Window(RowNumber())), None, "a window would be computed anew"),
            (lambda: Parcel.objects.values("label"), None, "rows without their 'pk'"),
            (lambda: Parcel.objects.order_by("pk")[:5], None, "a slice or union"),
            (lambda: Parcel.objects.all().union(Parcel.objects.all()), None, "a slice or union"),
            (lambda: Parcel.objects.all(), lambda parcel: parcel.pk, "is not the name of a field; write key='pk'"),
            (
                lambda: Parcel.objects,
                None,
                "Parcel.objects is no iterable; write a queryset, such as Parcel.objects.all()",
            ),
            (lambda: Parcel, None, "Parcel is no iterable; write a queryset, such as Parcel.objects.all()"),
            (
                lambda: Parcel.objects.all(),
                "-pk",
                "has no field '-pk'; write key='pk', and .order_by('-pk') to go back",
            ),
            (lambda: Parcel.objects.order_by(F("pk").desc()), None, "write .order_by('id'), or .order_by('-id')"),
        ],
    )
    def test_what_cannot_be_continued_is_refused(self, rows, progress, queryset, key, text):
        with pytest.raises(ValueError, match=re.escape(text)):
            list(progress(queryset(), key=key))

    @isolate_apps("tests.project.shop")
    def test_a_key_without_an_order_is_refused(self, progress):
        class Upload(models.Model):
            data = models.BinaryField(unique=True)
            about = models.JSONField(unique=True)

            class Meta:
                app_label = "shop"

            def __str__(self):
                return str(self.pk)

        for key in ("data", "about"):
            with pytest.raises(ValueError, match="has no order by which one could go on"):
                progress(QuerySet(Upload), key=key)

    def test_a_key_that_its_text_does_not_lead_back_to_is_refused(self, rows, progress, monkeypatch):
        """A field of somebody's own."""
        monkeypatch.setattr(Parcel._meta.get_field("code"), "to_python", lambda text: text.upper())
        with pytest.raises(ValueError, match="cannot be kept as a text and found again"):
            list(progress(Parcel.objects.all(), key="code"))

    def test_rows_are_read_in_parts_that_grow(self, rows, progress, django_assert_num_queries):
        numbers = range(200, 700)
        Parcel.objects.bulk_create(
            Parcel(
                **{
                    **parcel(0),
                    "pk": each,
                    "code": each,
                    "uuid": uuid.uuid4(),
                    "weight": each,
                    "sent_at": sent,
                }
            )
            for each, sent in ((each, BEGINNING + timedelta(days=each)) for each in numbers)
        )
        with django_assert_num_queries(3):  # of 100, 200, and 400 of which 210 are there
            assert len(list(progress(Parcel.objects.all()))) == 510

    @pytest.fixture
    def progress(self):
        """Loops over what is left after so many items were done."""

        def progress(items, after=0, **options):
            checkpoint = Checkpoint()
            first = TaskContext(task_result=None, progress=Progress(checkpoint))
            for number, _ in enumerate(first.resume(items, **options) if after else ()):
                if number == after:
                    break
            return TaskContext(task_result=None, progress=Progress(checkpoint)).resume(items, **options)

        return progress


class TestACheckpoint:
    def failure(self, run, how):
        result = tasks.make_checkpoint.enqueue(how)
        assert run().failed == 1
        return refreshed(result).errors[0].traceback

    def test_is_durable_when_it_returns(self, run):
        result = tasks.make_checkpoint.enqueue("that is kept")
        assert run().succeeded == 1
        assert refreshed(result).return_value == [{"page": [1, 2]}, {"page": [1, 2]}]

    def test_may_be_made_in_an_async_task(self, run):
        result = tasks.make_checkpoint_later.enqueue("the right way")
        run()
        assert refreshed(result).return_value == 3

    @pytest.mark.parametrize("how", ["checkpoint", "resume"])
    def test_of_an_async_task_is_awaited(self, run, how):
        result = tasks.make_checkpoint_later.enqueue(how)
        assert run().failed == 1
        assert "'await context.acheckpoint(value)'" in refreshed(result).errors[0].traceback

    def test_is_refused_where_what_was_done_could_be_rolled_back(self, run):
        assert "Put atomic() around the work on one item" in self.failure(run, "in atomic")
        assert delivered() == []

    def test_is_refused_in_an_atomic_of_the_task_in_a_testcase_too(self, db):
        result = tasks.make_checkpoint.enqueue("in atomic")
        call_command("run_due_tasks", verbosity=0)
        assert "Put atomic() around the work on one item" in refreshed(result).errors[0].traceback

    def test_is_refused_in_another_thread(self, run):
        assert "hand over to the task's" in self.failure(run, "in another thread")

    def test_is_refused_without_a_json_form(self, run):
        assert "UnstorableValue: checkpoint: the value has no JSON form" in self.failure(run, "of NaN")

    def test_is_refused_in_the_loop_of_another_loop(self, run):
        assert "write a plain loop inside" in self.failure(run, "in a loop in a loop")

    def test_is_refused_where_it_would_not_fit_with_the_rest(self, run):
        assert "UnstorableValue: checkpoint: the value is" in self.failure(run, "that is as large as can be")

    @pytest.mark.parametrize("how", ["of a loop in an if", "of the first loop only"])
    def test_of_loops_that_are_others_in_the_next_attempt_is_refused(self, run, how):
        """Else what is left of the second one would never be done."""
        result = tasks.make_checkpoint_twice.enqueue(how)
        assert run().failed == 1
        assert "put none into an 'if'" in refreshed(result).errors[-1].traceback

    def test_may_take_back_the_one_before(self, run, checkpoints):
        result = tasks.make_checkpoint_twice.enqueue("and back")
        run()
        assert len(checkpoints) == 2
        assert refreshed(result).status == TaskResultStatus.SUCCESSFUL
        assert StoredTask.objects.get().checkpoint is None

    def test_of_a_run_that_lost_its_lease_ends_the_task(self, run):
        """Another run has it: to go on would be to do the same work twice at the same time."""
        result = tasks.make_checkpoint.enqueue("without a lease")
        report = run()
        assert (report.interrupted, report.succeeded, delivered()) == (1, 0, [])
        assert refreshed(result).worker_ids[-1] == "other"

    def test_is_written_on_the_connection_of_the_run(self, run, monkeypatch):
        """Not on its task's, which may be in any state."""
        seen = []
        checkpoint = DatabaseStore.checkpoint

        def watched(self, claim):
            seen.append(id(connection.connection))
            return checkpoint(self, claim)

        monkeypatch.setattr(DatabaseStore, "checkpoint", watched)
        result = tasks.make_checkpoint.enqueue("and tell the connection")
        run()
        assert refreshed(result).return_value not in (None, *seen)

    def test_is_not_torn_by_an_interruption(self, run, clock, monkeypatch):
        """That would leave the run without its connection. It comes when the checkpoint is written."""
        written = []
        checkpoint = DatabaseStore.checkpoint

        def slowly(self, claim):
            clock.now += 6
            tasks.time.sleep(1)  # the watchdog looks four times a second
            written.append(checkpoint(self, claim))
            return written[-1]

        monkeypatch.setattr(DatabaseStore, "checkpoint", slowly)
        tasks.make_checkpoint.enqueue("and hang")
        report = run(max_seconds=5, grace_seconds=0, clock=clock)
        assert (written, report.interrupted) == ([True], 1)
        assert StoredTask.objects.get().checkpoint["value"] == 1

    def test_tells_the_time_that_is_left(self, run, clock):
        result = tasks.tell_time.enqueue()
        run(max_seconds=50, grace_seconds=10, clock=clock)
        assert refreshed(result).return_value == [50, False, True]

    def test_of_a_task_that_failed_stays(self, run):
        tasks.make_checkpoint.enqueue("and fail")
        assert run().failed == 1
        assert StoredTask.objects.get().checkpoint["value"] == 1


class TestAnUncommittedLoop:
    """What was done in a transaction around the loop could be rolled back, and then never be done again."""

    @pytest.fixture(autouse=True)
    def no_stop(self, parcels):
        pass

    @pytest.mark.parametrize("task", [tasks.deliver_all_in_atomic, tasks.deliver_all_in_late_atomic])
    def test_is_refused_before_anything_counts_as_done(self, run, task):
        result = task.enqueue()
        report = run()
        assert (report.retried, report.failed, report.continued) == (1, 1, 0)
        assert refreshed(result).status == TaskResultStatus.FAILED
        assert "Put atomic() around the work on one item" in result.errors[0].traceback
        assert StoredTask.objects.get().checkpoint is None
        assert delivered() == []

    def test_is_refused_on_other_backends_too(self):
        """So that the project's own tests see it."""
        context = TaskContext(task_result=None)
        with transaction.atomic(), pytest.raises(TransactionManagementError):
            context.resume(Parcel.objects.all())
        with pytest.raises(TransactionManagementError), transaction.atomic():
            context.checkpoint(1)
        assert context.checkpoint_value is None

    def test_may_have_a_transaction_for_each_item(self, run):
        result = tasks.deliver_each_in_atomic.enqueue()
        assert run().succeeded == 1
        assert refreshed(result).errors == []


class TestContinueLater:
    def test_without_coming_further_waits_a_second(self, run):
        """It waits for something, and would fill the run and the table of attempts with looking for it."""
        tasks.make_checkpoint.enqueue("by continuing with nothing")
        report = run()
        assert (report.claimed, report.continued) == (1, 1)

    def test_goes_on_with_the_value_and_spends_no_attempt(self, run):
        result = tasks.count_to.enqueue(5)
        report = run()
        assert (report.claimed, report.continued, report.succeeded, report.failed) == (5, 4, 1, 0)
        assert (refreshed(result).return_value, delivered()) == (5, ["1", "2", "3", "4", "5"])

    def test_waits_as_long_as_it_says(self, run):
        result = tasks.count_to.enqueue(2, wait=3600)
        report = run()
        assert (report.claimed, report.continued, report.remaining) == (1, 1, 0)
        assert refreshed(result).status == TaskResultStatus.READY
        assert StoredTask.objects.get().run_after > timezone.now() + timedelta(minutes=55)

    def test_comes_out_of_a_group(self, run):
        """As of an asyncio.TaskGroup."""
        tasks.make_checkpoint.enqueue("in a group")
        assert run().continued == 1
        assert StoredTask.objects.get().checkpoint["value"] == 7

    @pytest.mark.parametrize(
        ("how", "text"),
        [
            ("after a time that is none", "after='soon' is not a time to wait"),
            ("after a value that is none", "UnstorableValue: checkpoint: the value has no JSON form"),
        ],
    )
    def test_that_cannot_be_meant_is_a_failure(self, run, how, text):
        result = tasks.make_checkpoint.enqueue(how)
        assert run().failed == 1
        assert text in refreshed(result).errors[0].traceback
