"""Operators in the admin: schedules of their own, and the pause of all others."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import unquote

import pytest
from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from django_tasks_oneshot import Cron, Every, task
from django_tasks_oneshot.backends.database import DatabaseBackend
from django_tasks_oneshot.contract.declared import declared_schedules
from django_tasks_oneshot.db.clock import database_now
from django_tasks_oneshot.models import FireTime, Schedule, StoredTask
from django_tasks_oneshot.run.schedules import plan
from django_tasks_oneshot.run.tick import Ticker
from tests.project.shop import tasks

BASE = "/admin/django_tasks_oneshot/schedule"
ADD = tasks.add.module_path
DIGEST = tasks.digest.module_path
PAST = timedelta(days=3)


@pytest.fixture
def save(rows, admin):
    """Fills in the form, of a new schedule or of one that is there; what the page says is wrong, if anything."""

    def save(name="report", page=f"{BASE}/add/", **fields):
        values = {"name": name, "task": ADD, "cron": "0 7 * * *", "args": "[1, 2]", **fields}
        response = admin.post(page, {key: value for key, value in values.items() if value is not None})
        if response.status_code == 302:
            return ""
        errors = re.findall(r'<ul class="errorlist.*?</ul>', response.content.decode(), re.DOTALL)
        return unescape(re.sub("<[^>]*>", "", "\n".join(errors)))

    return save


@pytest.fixture
def edit(save):
    def edit(**fields):
        return save(page=f"{BASE}/report/change/", **fields)

    return edit


@pytest.fixture
def act(admin):
    """Does something with selected schedules; what the page says about it."""

    def act(action, *names, **more):
        admin.get(f"{BASE}/")  # shows what was said before
        data = {"action": action, "_selected_action": names, **more}
        return messages_of(admin.post(f"{BASE}/", data, follow=True))

    return act


@pytest.fixture
def overdue(rows):
    """Makes a schedule look as if no run had come for three days."""

    def overdue(name):
        then = database_now("default") - PAST
        Schedule.objects.filter(pk=name).update(next_fire_at=then, due_at=then)

    return overdue


def messages_of(response):
    return [str(each) for each in response.context["messages"]]


def row(name="report"):
    return Schedule.objects.get(pk=name)


def page_of(admin, name="report"):
    return unescape(admin.get(f"{BASE}/{name}/change/").content.decode())


def states_in(admin):
    page = admin.get(f"{BASE}/").content.decode()
    names = re.findall(r'<th class="field-name">.*?>([^<]+)</a>', page)
    return dict(zip(names, re.findall(r'<td class="field-state[^"]*">([^<]*)<', page), strict=True))


def write_by_hand(name, definition):
    with connection.cursor() as cursor:
        update = "UPDATE django_tasks_oneshot_schedule SET definition = %s WHERE name = %s"
        cursor.execute(update, [definition, name])


def shown(admin, name="report"):
    return admin.get(f"{BASE}/{name}/change/").context["adminform"].form


class TestAdding:
    def test_a_crontab_line(self, save):
        assert save(cron="0 7 * * mon-fri", timezone="America/New_York") == ""
        assert row().source == "admin"
        assert row().task_path == ADD
        assert row().rule == "0 7 * * mon-fri (America/New_York)"
        assert row().due_at == row().next_fire_at > timezone.now()

    def test_an_interval(self, save):
        assert save(cron="", every="1 12:00:00", anchor="2026-01-01 07:00", timezone="Europe/London") == ""
        assert row().rule == "every 36 hours from 2026-01-01 07:00:00 (Europe/London)"

    def test_what_was_added_fires(self, save, overdue, run):
        save(args="[20]", kwargs='{"b": 3}')
        overdue("report")
        assert run().succeeded == 1
        assert StoredTask.objects.get().return_value == 23

    def test_one_that_is_paused_does_not_fire(self, save, run):
        save(is_paused="on")
        assert (row().is_paused, row().due_at) == (True, None)

    def test_all_that_was_written_is_shown_again(self, save, edit, admin):
        written = {
            "cron": "",
            "every": "1 12:00:30",
            "anchor": "2026-01-01 07:00",
            "timezone": "Europe/London",
            "missed": "all",
            "max_missed": "7",
            "start_within": "00:30:00",
            "jitter": "00:05:00",
            "args": '[1, "né"]',
            "kwargs": "{}",
        }
        save(**written)
        form = shown(admin)
        assert {name: str(form[name].value() or "") for name in written} == written

    def test_what_was_written_in_the_form_of_the_settings_is_shown(self, save, admin):
        save()
        Schedule.objects.update(definition={"task": ADD, "every": {"minutes": 45}, "args": [1]})
        assert shown(admin)["every"].value() == "00:45:00"

    @pytest.mark.parametrize("cron", ["0 7 * * *", "61 * * * *"])
    def test_half_a_surrogate_pair_is_shown_as_it_was_written(self, save, edit, admin, cron):
        assert save(args='["\\ud800", 1]') == ""
        edit(args='["\\ud800", 1]', cron=cron)
        assert shown(admin)["args"].value() == '["\\ud800", 1]'

    def test_arguments_that_were_not_written_are_shown_as_empty(self, save, admin):
        assert save(task=tasks.noop.module_path, args="") == ""
        assert (shown(admin)["args"].value(), shown(admin)["kwargs"].value()) == ("[]", "{}")

    @pytest.mark.parametrize("name", ["a/b", "path#2", "with space", "x" * 200, "ünï", "_5F", "<b>"])
    def test_names_of_all_kinds_have_a_page(self, save, admin, name):
        assert save(name) == ""
        link = re.search(rf'href="({BASE}/.+?/change/)"', admin.get(f"{BASE}/").content.decode())
        assert admin.get(unquote(link[1])).status_code == 200  # the client quotes it

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            ({"task": ""}, "This field is required."),
            ({"task": "os.system"}, "os.system is not one of the available choices"),
            ({"cron": "61 * * * *"}, "write minute 0-59"),
            ({"cron": "every day"}, "write five fields"),
            ({"cron": "0 0 30 2 *"}, "never fires"),
            ({"timezone": "Europe/Oxford"}, "write an IANA name"),
            ({"every": "00:45:00"}, "Write either cron (0 7 * * mon-fri) or every (00:45:00)."),
            ({"cron": ""}, "Write either cron (0 7 * * mon-fri) or every (00:45:00)."),
            ({"cron": "", "every": "45 minutes"}, "Write hours, minutes and seconds: 00:45:00."),
            ({"cron": "", "every": "00:00:00"}, "too short"),
            ({"cron": "", "every": "-1 00:00:00"}, "from 0 to ten years"),
            ({"cron": "", "every": "9999 00:00:00"}, "from 0 to ten years"),
            ({"cron": "", "every": "00:45:00", "anchor": "noon"}, "Write a date and a time: 2026-01-01 07:00."),
            ({"anchor": "2026-01-01"}, "'anchor' is for 'every'; leave it out."),
            ({"args": "1, 2"}, "Enter a valid JSON."),
            ({"args": "1"}, "args=1 is not a list"),
            ({"args": '{"a": 1}'}, "is not a list"),
            ({"args": '"ab"'}, "is not a list"),
            ({"args": "[NaN, 1]"}, "no JSON form"),
            ({"args": '"\\ud800"'}, "is not a list"),
            ({"kwargs": "[1]"}, "write kwargs={'name': 1}."),
            ({"args": "[]"}, "does not take what its schedule gives it (missing a required argument: 'a')"),
            ({"kwargs": '{"c": 1}'}, "does not take what its schedule gives it"),
            ({"missed": "all", "overlap": "skip"}, "leave one out."),
            ({"missed": "never"}, "never is not one of the available choices"),
            ({"max_missed": "5"}, "is for missed='all'; leave it out."),
            ({"missed": "all", "max_missed": "0"}, "whole number from 1 to 1,000."),
            ({"start_within": "soon"}, "Write hours, minutes and seconds: 00:45:00."),
            ({"jitter": "-00:05:00"}, "jitter="),
            ({"name": ""}, "This field is required."),
            ({"name": DIGEST}, "The code or the settings have a schedule of this name; take another."),
            ({"name": "x" * 256}, "at most 255 characters"),
            ({"name": "two\nlines"}, "is not a name"),
        ],
    )
    def test_what_is_wrong_is_said_and_nothing_saved(self, save, fields, sentence):
        assert sentence in save(**fields)
        assert not Schedule.objects.exists()

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"task": "gone.tasks.gone"}, "task"),
            ({"cron": "61 * * * *"}, "cron"),
            ({"cron": "0 0 30 2 *"}, "cron"),
            ({"cron": ""}, "cron"),
            ({"every": "00:45:00"}, "every"),
            ({"cron": "", "every": "00:00:00"}, "every"),
            ({"cron": "", "every": "9999 00:00:00"}, "every"),
            ({"cron": "", "every": "00:45:00", "anchor": "noon"}, "anchor"),
            ({"cron": "", "every": "00:45:00", "anchor": "2026-01-01 07:00"}, "anchor"),
            ({"cron": "", "every": "00:45:00", "anchor": "1066-01-01 07:00+00:00"}, "anchor"),
            ({"anchor": "2026-01-01"}, "anchor"),
            ({"timezone": "Europe/Oxford"}, "timezone"),
            ({"args": '{"a": 1}'}, "args"),
            ({"args": "[NaN, 1]"}, "args"),
            ({"args": "[]"}, "args"),
            ({"args": "[1, 2, 3]"}, "args"),
            ({"kwargs": "[1]"}, "kwargs"),
            ({"kwargs": '{"c": 1}'}, "kwargs"),
            ({"missed": "all", "overlap": "skip"}, "missed"),
            ({"max_missed": "5"}, "max_missed"),
            ({"start_within": "00:00:00"}, "start_within"),
            ({"jitter": "-00:05:00"}, "jitter"),
            ({"overlap": "never"}, "overlap"),
        ],
    )
    def test_a_mistake_is_told_of_where_it_was_made(self, rows, admin, fields, field):
        values = {"name": "report", "task": ADD, "cron": "0 7 * * *", "args": "[1, 2]", **fields}
        form = admin.post(f"{BASE}/add/", values).context["adminform"].form
        assert list(form.errors) == [field]

    def test_a_task_that_cannot_be_scheduled_is_told_of_at_the_task(self, save, admin):
        save()
        Schedule.objects.update(definition={"task": "cron.gone", "cron": "0 7 * * *"})
        values = {"task": "cron.gone", "cron": "0 7 * * *"}
        form = admin.post(f"{BASE}/report/change/", values).context["adminform"].form
        assert list(form.errors) == ["task"]

    def test_an_anchor_without_a_time_zone(self, save):
        fields = {"cron": "", "every": "00:45:00", "anchor": "2026-01-01 07:00"}
        assert save(**fields).strip() == "Give it a time zone: fill in timezone."
        assert save(**{**fields, "anchor": "2026-01-01 07:00+02:00"}) == ""

    @pytest.mark.parametrize("field", ["every", "start_within", "jitter"])
    @pytest.mark.parametrize("text", ["45", "00:45", "1 00:45", "PT45M", "45 minutes"])
    def test_a_duration_is_not_guessed(self, save, field, text):
        fields = {"cron": "", "every": "00:45:00", field: text}
        assert save(**fields).strip() == "Write hours, minutes and seconds: 00:45:00."

    def test_a_name_of_the_settings_is_taken(self, save, settings):
        backend = {**settings.TASKS["default"], "SCHEDULES": {"report": {"task": ADD, "cron": "@daily"}}}
        settings.TASKS = {**settings.TASKS, "default": backend}
        assert "take another" in save()

    def test_a_name_of_another_row_is_taken(self, save):
        save()
        assert "There is a schedule of this name already; take another." in save(cron="1 1 * * *")
        assert row().rule.startswith("0 7")

    def test_the_help_says_what_to_write(self, admin):
        page = unescape(admin.get(f"{BASE}/add/").content.decode())
        assert "---------" in page  # no task is chosen by mistake
        for example in ("0 7 * * mon-fri", "00:45:00", "Europe/London", "[1, 2]", '{"page": 1}'):
            assert example in page


class TestEditing:
    def test_another_rule_does_not_fire_for_the_past(self, save, edit, overdue):
        save()
        overdue("report")
        assert edit(cron="30 5 * * *") == ""
        assert Ticker().tick() == 0
        assert row().rule == "30 5 * * * (Europe/London)"
        assert row().next_fire_at == Cron("30 5 * * *").next_after(timezone.now())

    def test_other_arguments_move_nothing(self, save, edit, overdue):
        save()
        overdue("report")
        before = row()
        assert edit(args="[3, 4]") == ""
        assert (row().next_fire_at, row().due_at) == (before.next_fire_at, before.due_at)
        assert Ticker().tick() == 1
        assert StoredTask.objects.get().args == [3, 4]

    def test_what_could_not_fire_fires_at_once_when_it_is_corrected(self, save, edit, overdue):
        save()
        overdue("report")
        Schedule.objects.update(definition={"task": "gone.tasks.gone", "cron": "0 7 * * *"})
        assert Ticker().tick() == 0
        assert row().due_at > timezone.now()  # put off
        assert edit() == ""
        assert Ticker().tick() == 1

    def test_a_tick_meanwhile_is_not_undone(self, save, edit, overdue, monkeypatch):
        save()
        overdue("report")

        def tick_first(alias):
            monkeypatch.undo()
            assert Ticker().tick() == 1
            return database_now(alias)

        monkeypatch.setattr("django_tasks_oneshot.admin.database_now", tick_first)
        assert edit(args="[3, 4]") == ""
        assert row().next_fire_at > timezone.now()
        assert row().last_fire_at is not None
        assert Ticker().tick() == 0

    def test_nor_is_one_between_what_it_reads_and_what_it_writes(self, save, edit, overdue, monkeypatch):
        save()
        overdue("report")

        def tick_first(rows, **values):
            monkeypatch.undo()
            assert Ticker().tick() == 1
            return rows.update_or_create(**values)

        monkeypatch.setattr(QuerySet, "update_or_create", tick_first)
        assert edit(args="[3, 4]") == ""
        assert row().next_fire_at > timezone.now()
        assert row().definition["args"] == [3, 4]
        assert Ticker().tick() == 0

    def test_the_pause_is_a_field(self, save, edit, overdue):
        save()
        assert edit(is_paused="on") == ""
        assert row().due_at is None
        assert edit() == ""
        assert row().due_at == row().next_fire_at

    def test_a_mistake_saves_nothing(self, save, edit):
        save()
        before = row().definition
        assert "write minute 0-59" in edit(cron="61 * * * *")
        assert row().definition == before

    def test_the_name_stays(self, save, edit, rows):
        save()
        assert save("another", f"{BASE}/report/change/") == ""
        assert Schedule.objects.get().name == "report"

    def test_a_task_that_is_gone_is_not_replaced_by_another(self, save, edit, admin):
        save()
        Schedule.objects.update(definition={"task": "gone.tasks.gone", "cron": "0 7 * * *"})
        assert shown(admin)["task"].value() == "gone.tasks.gone"
        assert "'gone.tasks.gone' is not a task of this project; choose one of its tasks." in edit(
            task="gone.tasks.gone"
        )
        assert edit() == ""


class TestChangePage:
    def test_says_what_the_rule_means(self, save, admin):
        save(cron="0 7 * * mon-fri")
        assert "At 07:00 Monday to Friday, in Europe/London." in page_of(admin)

    def test_also_of_a_schedule_of_the_code(self, rows, admin):
        Ticker().tick()
        assert "At 07:00 " in page_of(admin, DIGEST)

    def test_or_why_it_cannot_fire(self, save, admin):
        save()
        Schedule.objects.update(definition={"task": "gone.tasks.gone", "cron": "0 7 * * *"})
        assert "It cannot fire: 'gone.tasks.gone' is not a task of this project" in page_of(admin)

    def test_or_that_it_is_gone(self, no_schedules, rows, admin):
        Schedule.objects.create(name="gone", source="code", **plan("gone", Every(hours=1), timezone.now()))
        assert "The project does not have this schedule any more." in page_of(admin, "gone")

    @pytest.mark.parametrize("use_tz", [True, False])
    def test_shows_fire_times_as_the_list_does(self, save, admin, settings, use_tz):
        settings.USE_TZ = use_tz
        save()
        Schedule.objects.update(
            last_fire_at=datetime(2026, 7, 1, 6, tzinfo=UTC), next_fire_at=datetime(2026, 7, 2, 6, tzinfo=UTC)
        )
        for page in (page_of(admin), admin.get(f"{BASE}/").content.decode()):
            assert "July 1, 2026, 7 a.m." in page
            assert "July 2, 2026, 7 a.m." in page

    @pytest.mark.parametrize("text", ["{no JSON", "[1]", '{"task": 1, "every": {"a": 1}, "colour": 2}', "null"])
    def test_of_a_definition_that_was_broken_by_hand(self, save, admin, text):
        save()
        write_by_hand("report", text)
        assert "It cannot fire: " in page_of(admin)


class TestDeployedSchedules:
    @pytest.fixture(autouse=True)
    def seen(self, rows):
        Ticker().tick()

    def test_only_the_pause_can_be_changed(self, admin):
        page = f"{BASE}/{DIGEST}/change/"
        assert list(admin.get(page).context["adminform"].form.fields) == ["is_paused"]
        data = {"is_paused": "on", "rule": "* * * * *", "cron": "* * * * *", "name": "x", "next_fire_at": "2000-01-01"}
        before = row(DIGEST)
        assert admin.post(page, data).status_code == 302
        assert Schedule.objects.count() == 1
        after = row(DIGEST)
        assert (after.rule, after.definition, after.next_fire_at) == (before.rule, None, before.next_fire_at)
        assert (after.is_paused, after.due_at) == (True, None)

    def test_saving_without_a_change_keeps_what_has_come_due(self, admin, overdue):
        overdue(DIGEST)
        assert admin.post(f"{BASE}/{DIGEST}/change/", {}).status_code == 302
        assert Ticker().tick() == 1

    def test_one_that_is_resumed_does_not_fire_for_the_past(self, admin, overdue):
        overdue(DIGEST)
        Schedule.objects.update(is_paused=True, due_at=None)
        assert admin.post(f"{BASE}/{DIGEST}/change/", {}).status_code == 302
        assert row(DIGEST).due_at > timezone.now()
        assert Ticker().tick() == 0

    def test_one_that_is_gone_stays_paused(self, no_schedules, admin):
        Schedule.objects.update(is_paused=True, due_at=None)
        page = admin.post(f"{BASE}/{DIGEST}/change/", {}).content.decode()
        assert "The project does not have this schedule any more; leave it paused." in page
        assert row(DIGEST).is_paused

    def test_it_cannot_be_deleted(self, admin):
        assert admin.post(f"{BASE}/{DIGEST}/delete/", {"post": "yes"}).status_code == 403
        selected = {"action": "delete_selected", "_selected_action": [DIGEST], "post": "yes"}
        assert admin.post(f"{BASE}/", selected).status_code == 403
        assert row(DIGEST)

    def test_unless_the_project_does_not_have_it_any_more(self, no_schedules, admin):
        assert admin.post(f"{BASE}/{DIGEST}/delete/", {"post": "yes"}).status_code == 302
        assert not Schedule.objects.filter(pk=DIGEST).exists()


class TestDeleting:
    def test_one_that_has_fired(self, save, overdue, admin):
        save()
        overdue("report")
        Ticker().tick()
        assert FireTime.objects.count() == 1
        page = admin.get(f"{BASE}/report/delete/").content.decode()
        assert "report" in page
        assert "fire time" not in page
        assert admin.post(f"{BASE}/report/delete/", {"post": "yes"}).status_code == 302
        assert not Schedule.objects.filter(pk="report").exists()
        assert not FireTime.objects.exists()

    def test_several(self, save, act):
        save("a")
        save("b")
        assert act("delete_selected", "a", "b", post="yes") == ["Successfully deleted 2 schedules."]

    def test_gives_its_name_back_to_the_code(self, save, act, no_schedules):
        no_schedules[ADD] = tasks.add
        save("nightly")
        task(schedule=Every(hours=1, name="nightly"))(hourly)
        Ticker().tick()
        assert row("nightly").source == "admin"
        act("delete_selected", "nightly", post="yes")
        Ticker().tick()
        assert row("nightly").source == "code"


class TestActions:
    def test_pause_and_resume(self, save, act, overdue):
        save()
        save("other")
        assert act("pause", "report", "other") == ["2 schedules are paused."]
        assert row().due_at is None
        overdue("report")
        assert act("resume", "report") == ["1 schedule fires again, from now on."]
        assert row().due_at > timezone.now()
        assert row("other").is_paused

    def test_resume_leaves_those_alone_that_are_not_paused(self, save, act, overdue):
        save()
        overdue("report")
        assert act("resume", "report") == ["Nothing to resume: none of them is paused."]
        assert Ticker().tick() == 1

    @pytest.mark.parametrize("action", ["pause", "resume"])
    def test_that_nothing_was_done_is_no_success(self, save, admin, action):
        save(is_paused="on" if action == "pause" else None)
        admin.get(f"{BASE}/")
        data = {"action": action, "_selected_action": ["report"]}
        (message,) = admin.post(f"{BASE}/", data, follow=True).context["messages"]
        assert message.level_tag == "warning"
        assert str(message).startswith(f"Nothing to {action}: ")

    def test_resume_tells_only_why_it_could_not(self, save, act):
        save(is_paused="on")
        Schedule.objects.update(definition={"task": "gone.tasks.gone", "cron": "0 7 * * *"})
        assert act("resume", "report") == [
            "report: 'gone.tasks.gone' is not a task of this project; choose one of its tasks."
        ]

    def test_run(self, save, act, run):
        save(is_paused="on")
        before = row().next_fire_at
        assert act("run", "report") == ["report is enqueued."]
        assert run().succeeded == 1
        assert row().next_fire_at == before
        assert row().is_paused

    def test_run_tells_what_went_wrong(self, save, act, monkeypatch):
        save()
        monkeypatch.setattr(DatabaseBackend, "enqueue", lambda *args: 1 / 0)
        assert act("run", "report") == ["report: ZeroDivisionError: division by zero"]

    def test_run_does_not_overlap(self, save, act):
        save(overlap="skip")
        act("run", "report")
        assert act("run", "report") == ["report: an earlier task is unfinished, so none is enqueued."]
        assert StoredTask.objects.count() == 1

    def test_those_that_cannot_fire_are_told_of(self, save, act):
        save("good")
        save("bad")
        Schedule.objects.filter(pk="bad").update(definition={"task": "gone.tasks.gone", "cron": "0 7 * * *"})
        plan_of_gone = plan("gone", Every(hours=1), timezone.now())
        Schedule.objects.create(name="gone", source="code", **plan_of_gone)
        assert act("run", "good", "bad", "gone") == [
            "bad: 'gone.tasks.gone' is not a task of this project; choose one of its tasks.",
            "gone: the project does not have this schedule any more.",
            "good is enqueued.",
        ]


class TestPermissions:
    @pytest.fixture
    def viewer(self, client):
        create_permissions(apps.get_app_config("django_tasks_oneshot"), verbosity=0)
        user = User.objects.create_user("viewer", is_staff=True)
        user.user_permissions.add(Permission.objects.get(codename="view_schedule"))
        return user

    def test_who_may_only_look_changes_nothing(self, save, act, viewer, client):
        save()
        before = Schedule.objects.values().get()
        client.force_login(viewer)
        for page in (f"{BASE}/add/", f"{BASE}/report/change/", f"{BASE}/report/delete/"):
            assert client.post(page, {"post": "yes", "name": "x"}).status_code == 403
        for action in ("pause", "resume", "run", "delete_selected"):
            act(action, "report", post="yes")
        assert Schedule.objects.values().get() == before
        assert not StoredTask.objects.exists()

    def test_who_may_only_look_sees_all_of_it(self, save, viewer, client):
        save(jitter="00:05:00")
        client.force_login(viewer)
        page = unescape(client.get(f"{BASE}/report/change/").content.decode())
        assert 'name="_save"' not in page
        for each in (ADD, "0 7 * * * (Europe/London)", "'args': [1, 2]", "'jitter': 300"):
            assert each in page


class TestList:
    def test_it_shows_when_a_schedule_fires(self, save, admin):
        save()
        Schedule.objects.update(next_fire_at=datetime(2026, 7, 1, 6, tzinfo=UTC))
        assert "July 1, 2026, 7 a.m." in admin.get(f"{BASE}/").content.decode()

    def test_one_that_is_paused_has_no_next_fire_time(self, save, admin):
        save(is_paused="on")
        Schedule.objects.update(next_fire_at=datetime(2026, 7, 1, 6, tzinfo=UTC))
        assert "2026" not in admin.get(f"{BASE}/", {"is_paused__exact": "1"}).content.decode()

    def test_it_shows_states(self, save, admin):
        Ticker().tick()
        Schedule.objects.create(name="gone", source="code", **plan("gone", Every(hours=1), timezone.now()))
        save("paused", is_paused="on")
        save("bad")
        save("worse")
        Schedule.objects.filter(pk="bad").update(definition={"task": "gone.tasks.gone", "cron": "0 7 * * *"})
        write_by_hand("worse", "{no JSON")
        assert states_in(admin) == {
            DIGEST: "active",
            "bad": "broken",
            "gone": "removed",
            "paused": "paused",
            "worse": "broken",
        }

    def test_one_that_was_broken_by_hand_can_be_deleted(self, save, act):
        save()
        write_by_hand("report", "{no JSON")
        assert act("delete_selected", "report", post="yes") == ["Successfully deleted 1 schedule."]

    def test_the_declared_ones_are_looked_for_once(self, save, admin, monkeypatch):
        for number in range(20):
            save(f"s{number}")
        calls = []
        monkeypatch.setattr(
            "django_tasks_oneshot.admin.declared_schedules", lambda: calls.append(1) or declared_schedules()
        )
        admin.get(f"{BASE}/")
        assert len(calls) == 1

    def test_ten_thousand_cost_no_query_each(self, rows, admin, django_assert_max_num_queries):
        now = timezone.now()
        Schedule.objects.bulk_create(
            [
                Schedule(name=f"s{n}", source="admin", rule="r", next_fire_at=now, definition={"task": ADD})
                for n in range(10_000)
            ],
            batch_size=500,
        )
        with django_assert_max_num_queries(8):
            assert "10000 schedules" in admin.get(f"{BASE}/").content.decode()


def hourly():
    pass
