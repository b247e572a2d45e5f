"""Schedules on the command line: real processes for exit codes and what is printed where."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from django_tasks_oneshot import Cron, Every, task
from django_tasks_oneshot.backends.database import DatabaseBackend
from django_tasks_oneshot.contract.task import registered_tasks
from django_tasks_oneshot.db.clock import database_now
from django_tasks_oneshot.models import FireTime, Schedule, StoredTask
from django_tasks_oneshot.run.schedules import define
from django_tasks_oneshot.run.tick import Ticker
from tests.project.shop import tasks

DIGEST = tasks.digest.module_path
UTC_MORNING = Cron("0 7 * * *", timezone="UTC")


@pytest.fixture
def declare(no_schedules, rows):
    """Declares a task with this schedule, in place of any earlier one."""

    def declare(rule, function=None):
        return task(schedule=rule)(function or hourly)

    return declare


@pytest.fixture
def operators(rows):
    """Adds an operator's schedule."""

    def operators(name="report", *, is_paused=False, **definition):
        definition = {"task": tasks.noop.module_path, "cron": "0 7 * * *", **definition}
        define("default", name, definition, is_paused=is_paused, now=database_now("default"))

    return operators


@pytest.fixture
def say(rows, capsys):
    """What the command prints."""

    def say(*arguments, **options):
        call_command("task_schedules", *arguments, **options)
        return capsys.readouterr().out

    return say


@pytest.fixture
def states(say):
    return lambda: {each["name"]: each["state"] for each in json.loads(say("--format", "json"))}


@pytest.fixture
def listed(say):
    return lambda: {each["name"]: each for each in json.loads(say("--format", "json"))}


@pytest.fixture
def break_by_hand(rows):
    """Writes something into the definition that is not JSON."""

    def break_by_hand(name):
        with connection.cursor() as cursor:
            cursor.execute("UPDATE django_tasks_oneshot_schedule SET definition = '{no JSON' WHERE name = %s", [name])

    return break_by_hand


@pytest.fixture
def misspelled(settings):
    """The settings have a schedule that cannot fire, and another one."""
    noop = tasks.noop.module_path
    definitions = {"nightly": {"task": noop, "cron": "61 2 * * *"}, "weekly": {"task": noop, "cron": "61 3 * * 0"}}
    settings.TASKS = {**settings.TASKS, "default": {**settings.TASKS["default"], "SCHEDULES": definitions}}


def hourly():
    pass


def copy_of(row, name):
    return Schedule(**{**{each.attname: getattr(row, each.attname) for each in row._meta.fields}, "name": name})


def overdue(name):
    then = database_now("default") - timedelta(days=3)
    Schedule.objects.filter(pk=name).update(next_fire_at=then, due_at=then)


class TestList:
    def test_has_all_three_sources_by_name(self, manage, operators):
        operators("zz top")
        operators("a first")
        done = manage("task_schedules")
        assert (done.returncode, done.stderr) == (0, "")
        names = [line.split("  ")[0] for line in done.stdout.splitlines()]
        assert names == ["NAME", "a first", DIGEST, "zz top"]

    def test_of_the_settings(self, settings, states):
        definition = {"task": tasks.noop.module_path, "every": 60}
        backend = {**settings.TASKS["default"], "SCHEDULES": {"sync": definition}}
        settings.TASKS = {**settings.TASKS, "default": backend}
        assert states()["sync"] == "new"

    def test_columns(self, say, no_schedules, operators):
        registered_tasks[tasks.noop.module_path] = tasks.noop
        operators("report", cron="0 7 * * mon-fri", timezone="America/New_York")
        Schedule.objects.update(
            last_fire_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), next_fire_at=datetime(2026, 7, 1, 11, tzinfo=UTC)
        )
        assert say("--next", "3") == (
            "NAME    RULE             ZONE              LAST FIRE                NEXT FIRE             STATE\n"
            "report  0 7 * * mon-fri  America/New_York  Thu 2026-01-01 22:04:05  Wed 2026-07-01 07:00  active\n"
            "                                                                    Thu 2026-07-02 07:00\n"
            "                                                                    Fri 2026-07-03 07:00\n"
        )

    def test_json(self, manage, operators):
        operators("report", timezone="UTC")
        Schedule.objects.filter(pk="report").update(
            next_fire_at=datetime(2026, 7, 1, 7, tzinfo=UTC), due_at=datetime(2026, 7, 1, 7, 5, tzinfo=UTC)
        )
        listed = json.loads(manage("task_schedules", "--format", "json", "--next", "2").stdout)
        assert listed[0] == {
            "name": "report",
            "state": "active",
            "source": "admin",
            "task": tasks.noop.module_path,
            "rule": "0 7 * * *",
            "timezone": "UTC",
            "last_fire_at": None,
            "next_fire_at": ["2026-07-01T07:00:00+00:00", "2026-07-02T07:00:00+00:00"],
            "due_at": "2026-07-01T07:05:00+00:00",
            "error": "",
        }
        assert [each["name"] for each in listed] == ["report", DIGEST]

    def test_states(self, declare, operators, states, caplog):
        declare([UTC_MORNING, Every(hours=1, name="stays"), Every(hours=2, name="goes")])
        registered_tasks[tasks.noop.module_path] = tasks.noop
        operators("taken")
        operators("paused", is_paused=True)
        operators("broken")
        assert states()["stays"] == "new"
        Ticker().tick()
        Schedule.objects.filter(pk="broken").update(definition={"task": "gone.tasks.gone", "cron": "@daily"})
        registered_tasks.pop(f"{__name__}.hourly")
        declare([UTC_MORNING, Every(hours=1, name="stays"), Every(hours=3, name="comes")])
        assert states() == {
            f"{__name__}.hourly": "active",
            "stays": "active",
            "goes": "removed",
            "comes": "new",
            "taken": "active",
            "paused": "paused",
            "broken": "broken",
        }

    def test_a_schedule_of_the_code_whose_name_an_operator_took_first(self, declare, operators, say):
        registered_tasks[tasks.noop.module_path] = tasks.noop
        operators("report")
        declare(Every(hours=1, name="report"))
        head, theirs, ours = (line.split("  ")[-1].strip() for line in say().splitlines())
        assert (head, theirs) == ("STATE", "active")
        assert ours.startswith("broken: an operator's schedule has this name; ")

    def test_says_why_one_is_broken_on_its_line(self, operators, say):
        operators("report")
        Schedule.objects.update(definition={"task": "gone.tasks.gone", "cron": "@daily"})
        assert "broken: 'gone.tasks.gone' is not a task of this project" in say().splitlines()[1]

    def test_one_that_was_broken_by_hand_hides_no_other(self, operators, say, break_by_hand):
        operators("report")
        operators("bad")
        break_by_hand("bad")
        bad, report = (line for line in say().splitlines() if line.startswith(("bad ", "report ")))
        assert "broken: its definition in the table is not JSON" in bad
        assert report.endswith("active")

    def test_rule_and_zone_are_apart_where_the_rule_is_known_no_more(self, declare, operators, listed):
        declare([Cron("0 2 * * *", timezone="Asia/Tokyo", name="gone"), Every(minutes=45, name="gone too")])
        registered_tasks[tasks.noop.module_path] = tasks.noop
        operators("broken", cron="30 5 * * *", timezone="America/New_York")
        operators("elsewhere")
        Ticker().tick()
        Schedule.objects.filter(pk="broken").update(definition={})
        Schedule.objects.filter(pk="elsewhere").update(definition={}, rule="0 7 * * * (Mars/Phobos)")
        registered_tasks.clear()
        assert {name: (each["rule"], each["timezone"]) for name, each in listed().items()} == {
            "gone": ("0 2 * * *", "Asia/Tokyo"),
            "gone too": ("every 45 minutes", "UTC"),
            "broken": ("30 5 * * *", "America/New_York"),
            "elsewhere": ("0 7 * * * (Mars/Phobos)", ""),
        }

    def test_says_when_a_run_looks_at_it_next(self, declare, operators, listed):
        declare(Cron("0 7 * * *", timezone="UTC", name="new", jitter=3600))
        registered_tasks[tasks.noop.module_path] = tasks.noop
        operators("paused", is_paused=True)
        operators("put off")
        later = database_now("default") + timedelta(hours=9)
        Schedule.objects.filter(pk="put off").update(due_at=later)
        before = listed()
        assert before["paused"]["due_at"] is None
        assert before["put off"]["due_at"] == later.isoformat()
        new = before["new"]
        assert new["next_fire_at"][0] < new["due_at"]
        Ticker().tick()
        after = listed()["new"]
        assert (after["next_fire_at"], after["due_at"]) == (new["next_fire_at"], new["due_at"])

    def test_ten_thousand_cost_no_query_each(self, operators, say, django_assert_max_num_queries):
        operators("report")
        row = Schedule.objects.get()
        Schedule.objects.bulk_create([copy_of(row, f"s{number}") for number in range(10_000)], batch_size=500)
        with django_assert_max_num_queries(4):
            assert len(say().splitlines()) == 10_003

    def test_a_changed_rule_is_shown_before_a_run_sees_it(self, declare, say):
        declare(UTC_MORNING)
        Ticker().tick()
        registered_tasks.clear()
        declare(Cron("30 5 * * *", timezone="UTC"))
        line = say().splitlines()[1]
        assert "30 5 * * *" in line
        assert " 05:30  active" in line

    def test_one_that_is_back_shows_when_it_fires(self, declare, say):
        declare(UTC_MORNING)
        Ticker().tick()
        Schedule.objects.update(due_at=None, next_fire_at=datetime(2020, 1, 1, 7, tzinfo=UTC))
        assert "2020" not in say()

    def test_writes_nothing(self, rows, say):
        say()
        assert not Schedule.objects.exists()

    def test_of_an_empty_project(self, no_schedules, say):
        assert say().startswith("There are no schedules; write @task(schedule=Cron('0 7 * * *'))")
        assert json.loads(say("--format", "json")) == []

    def test_colours_are_for_terminals(self, manage, operators):
        assert "\x1b" not in manage("task_schedules").stdout
        assert "\x1b" in manage("task_schedules", "--force-color").stdout
        assert "\x1b" not in manage("task_schedules", "--no-color").stdout

    def test_long_names_shift_their_own_row_only(self, operators, say):
        operators("x" * 200)
        operators("short")
        lines = say().splitlines()
        assert all(len(line) < 160 for line in lines if "x" * 200 not in line)
        assert "x" * 200 + "  0 7 * * *" in lines[-1]

    def test_a_calendar_ends(self, declare, say):
        declare(Every(days=3650))
        assert " 9994-09-02 " in say("--next", "1000")


class TestPauseAndResume:
    def test_pause_holds_a_schedule_that_no_run_has_seen(self, manage):
        done = manage("task_schedules", "pause", DIGEST)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == (f"{DIGEST} is paused. To let it fire again: manage.py task_schedules resume {DIGEST}\n")
        Ticker().tick()
        row = Schedule.objects.get()
        assert (row.is_paused, row.due_at) == (True, None)

    def test_what_to_type_is_quoted_for_a_shell(self, operators, say):
        operators("the owner's report")
        assert say("pause", "the owner's report").endswith("resume 'the owner'\"'\"'s report'\n")

    def test_resume_does_not_fire_for_the_past(self, manage):
        manage("task_schedules", "pause", DIGEST)
        Schedule.objects.update(next_fire_at=timezone.now() - timedelta(days=9))
        done = manage("task_schedules", "resume", DIGEST)
        assert done.returncode == 0
        assert done.stdout.startswith(f"{DIGEST} fires next on ")
        assert done.stdout.endswith(" 07:00 (Europe/London).\n")
        assert Ticker().tick() == 0
        assert Schedule.objects.get().due_at > timezone.now()

    def test_a_rule_that_was_deployed_meanwhile_holds_from_then_on(self, declare, say):
        declare(UTC_MORNING)
        name = f"{__name__}.hourly"
        say("pause", name)
        overdue(name)
        Schedule.objects.update(due_at=None)
        registered_tasks.clear()
        declare(Cron("30 5 * * *", timezone="UTC"))
        assert Ticker().tick() == 0
        assert Schedule.objects.get().due_at is None
        say("resume", name)
        assert Ticker().tick() == 0
        row = Schedule.objects.get()
        assert row.rule == "30 5 * * * (UTC)"
        assert row.due_at == Cron("30 5 * * *", timezone="UTC").next_after(database_now("default"))

    def test_so_it_does_where_no_run_came_in_between(self, declare, say):
        declare(UTC_MORNING)
        name = f"{__name__}.hourly"
        say("pause", name)
        registered_tasks.clear()
        declare(Cron("30 5 * * *", timezone="UTC"))
        say("resume", name)
        assert Ticker().tick() == 0
        assert Schedule.objects.get().rule == "30 5 * * * (UTC)"

    def test_one_that_is_gone_can_be_paused_and_not_resumed(self, declare, say):
        declare(Every(hours=1, name="gone"))
        Ticker().tick()
        registered_tasks.clear()
        assert "gone is paused." in say("pause", "gone")
        with pytest.raises(CommandError, match="gone: the project does not have this schedule any more"):
            say("resume", "gone")

    def test_only_what_is_paused_is_added(self, declare, misspelled, say, caplog):
        declare([Every(hours=1, name="this"), Every(hours=1, name="that")])
        say("pause", "this")
        assert [row.name for row in Schedule.objects.all()] == ["this"]
        assert caplog.text == ""
        Ticker().tick()
        assert {row.name: row.is_paused for row in Schedule.objects.all()} == {"this": True, "that": False}


class TestRun:
    def test_enqueues_now_and_leaves_the_next_fire_time(self, manage, operators):
        operators("report", task=tasks.tell_fire_time.module_path, is_paused=True)
        before = Schedule.objects.get()
        done = manage("task_schedules", "run", "report")
        assert (done.returncode, done.stderr) == (0, "")
        stored = StoredTask.objects.get()
        assert done.stdout == f"report is enqueued: task id={stored.pk}\n"
        row, fired = Schedule.objects.get(pk="report"), FireTime.objects.get()
        assert (row.next_fire_at, row.due_at) == (before.next_fire_at, None)
        assert row.last_fire_at == fired.fire_at == stored.scheduled_for
        assert manage.run_due_tasks()["succeeded"] == 1
        stored.refresh_from_db()
        assert stored.return_value == fired.fire_at.isoformat()

    def test_is_refused_while_an_earlier_task_is_unfinished(self, manage, operators):
        operators("report", overlap="skip")
        assert manage("task_schedules", "run", "report").returncode == 0
        done = manage("task_schedules", "run", "report")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            "CommandError: report has an unfinished task, and overlap='skip': nothing is enqueued.\n"
        )
        assert manage.run_due_tasks()["succeeded"] == 1
        assert manage("task_schedules", "run", "report").returncode == 0

    def test_overlaps_where_that_is_allowed(self, operators, say):
        operators("report")
        say("run", "report")
        say("run", "report")
        assert StoredTask.objects.count() == 2

    def test_tells_where_the_task_could_not_be_enqueued(self, operators, say, monkeypatch):
        operators("report")
        monkeypatch.setattr(DatabaseBackend, "enqueue", lambda *args: 1 / 0)
        with pytest.raises(CommandError, match=r"report could not be enqueued \(ZeroDivisionError: division by zero\)"):
            say("run", "report")

    def test_one_whose_task_is_gone_is_refused(self, operators, say):
        operators("report")
        Schedule.objects.update(definition={"task": "gone.tasks.gone", "cron": "@daily"})
        with pytest.raises(
            CommandError, match=r"report cannot fire: 'gone.tasks.gone' is not a task of this project"
        ) as refused:
            say("run", "report")
        assert refused.value.returncode == 1


class TestMistakes:
    @pytest.mark.parametrize("action", ["pause", "resume", "run"])
    def test_an_unknown_name(self, manage, action):
        done = manage("task_schedules", action, "nightly")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (
            "CommandError: There is no schedule 'nightly'; for their names: manage.py task_schedules\n"
        )

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["explain", "61 * * * *"], "write minute 0-59"),
            (["explain", "0 0 30 2 *"], "never fires"),
            (["explain", "0 7 * * *", "--timezone", "Mars"], "write an IANA name"),
            (["explain", "0 7 * * *", "--next", "0"], "0 is not a number from 1 to 1000."),
            (["explain"], "the following arguments are required: EXPR"),
            (["pause"], "the following arguments are required: NAME"),
            (["stop", "report"], "invalid choice: 'stop'"),
            (["--next", "1001"], "1001 is not a number from 1 to 1000."),
            (["--next", "soon"], "soon is not a number from 1 to 1000."),
            (["--format", "xml"], "invalid choice: 'xml'"),
        ],
    )
    def test_bad_arguments(self, manage, arguments, sentence):
        done = manage("task_schedules", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert sentence in done.stderr

    def test_missing_tables(self, manage, tmp_path):
        database = {"ONESHOT_DATABASE": str(tmp_path / "empty.sqlite3"), "ONESHOT_ENGINE": "sqlite3"}
        done = manage("task_schedules", **database)
        assert done.returncode == 1
        assert done.stderr.startswith("CommandError: The database failed: no such table")

    @pytest.mark.parametrize("action", ["pause", "resume", "run"])
    def test_a_declared_one_that_cannot_fire_and_that_no_run_has_seen(self, misspelled, say, caplog, action):
        with pytest.raises(CommandError, match=r"^nightly cannot fire: .*write minute 0-59") as refused:
            say(action, "nightly")
        assert refused.value.returncode == 1
        assert "weekly" not in caplog.text
        assert not Schedule.objects.exists()

    @pytest.mark.parametrize("action", ["resume", "run"])
    def test_one_that_was_broken_by_hand(self, operators, say, break_by_hand, action):
        operators("report")
        break_by_hand("report")
        with pytest.raises(CommandError, match=r"^report cannot fire: its definition in the table is not JSON"):
            say(action, "report")

    def test_one_that_was_broken_by_hand_can_be_paused(self, operators, say, break_by_hand):
        operators("report")
        break_by_hand("report")
        assert "report is paused." in say("pause", "report")


class TestExplain:
    def test_says_what_a_line_means_and_when_it_fires_next(self, manage, tmp_path):
        database = {"ONESHOT_DATABASE": str(tmp_path / "no" / "such.sqlite3"), "ONESHOT_ENGINE": "sqlite3"}
        line = ["0 0 29 2 *", "--timezone", "Asia/Tokyo", "--next", "2"]
        done = manage("task_schedules", "explain", *line, **database)
        assert (done.returncode, done.stderr) == (0, "")
        words, *others = done.stdout.splitlines()
        assert "Asia/Tokyo" in words
        assert others[:2] == ["", "It fires next:"]
        assert [each.count("-02-29 00:00") for each in others[2:]] == [1, 1]
        assert [each.count("-02-28 15:00 UTC") for each in others[2:]] == [1, 1]

    def test_shows_five_fire_times_by_the_clock_of_the_project(self, say):
        shown = say("explain", "@daily")
        assert "Europe/London" in shown
        assert shown.count(" UTC\n") == 5

    def test_shows_them_to_a_project_without_time_zones(self, say, settings):
        settings.USE_TZ = False
        assert say("explain", "@daily").count(" UTC\n") == 5

    @pytest.mark.parametrize(
        "arguments",
        [
            ["--next", "2", "--format", "json", "explain", "0 7 * * *", "--timezone", "UTC"],
            ["explain", "--next", "2", "--format", "json", "0 7 * * *", "--timezone", "UTC"],
        ],
    )
    def test_json(self, say, arguments):
        explained = json.loads(say(*arguments))
        assert list(explained) == ["words", "timezone", "next_fire_at"]
        assert explained["timezone"] == "UTC"
        first = UTC_MORNING.next_after(timezone.now())
        assert explained["next_fire_at"] == [each.isoformat() for each in (first, first + timedelta(days=1))]

    def test_a_calendar_ends(self, say):
        assert " 9976-02-29 " in say("explain", "0 0 29 2 */7", "--next", "1000")


class TestDjangosOptions:
    @pytest.mark.parametrize("options", [["-v", "0"], ["--verbosity=0", "--settings", "tests.project.settings"]])
    def test_stand_before_and_behind_an_action(self, manage, options):
        for arguments in ([*options, "pause", DIGEST], ["pause", *options, DIGEST], ["pause", DIGEST, *options]):
            done = manage("task_schedules", *arguments)
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_those_before_it_hold_where_none_stands_behind_it(self, manage):
        done = manage("task_schedules", "--traceback", "run", "nightly", "--no-color")
        assert "Traceback" in done.stderr

    @pytest.mark.parametrize("action", ["pause", "resume", "run", "explain"])
    def test_the_help_of_an_action_is_about_the_action(self, manage, action):
        shown = manage("task_schedules", action, "--help").stdout
        assert shown.startswith(f"usage: manage.py task_schedules {action} ")
        assert "--settings" not in shown
