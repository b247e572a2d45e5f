from __future__ import annotations

import os
import threading
from datetime import timedelta
from unittest import mock

import pytest
from django.core.checks import Tags, run_checks
from django.db import OperationalError, connection, connections
from django.http import HttpResponse
from django.test import RequestFactory, TestCase, override_settings
from django.urls import path, reverse
from django.views.debug import ExceptionReporter

from django_tasks_oneshot import views
from django_tasks_oneshot.backends.base import StoreUnavailable
from django_tasks_oneshot.compat import TaskResultStatus
from django_tasks_oneshot.http import own_thread
from django_tasks_oneshot.http.checks import url_of_runs
from django_tasks_oneshot.run.report import Report
from tests.project.settings import TASKS
from tests.project.shop import tasks

from .conftest import SECRET, URL

urlpatterns = [path("elsewhere/", lambda request: HttpResponse())]


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_request_is_a_whole_run(rows, call, overdue, run, method):
    run()  # sees the schedules
    result = tasks.add.enqueue(1, 2)
    overdue(timedelta(days=2))
    answer = call(method=method)
    assert answer.status_code == 200
    report = answer.json()
    assert set(report) == set(Report.__dataclass_fields__)
    assert (report["scheduled"], report["succeeded"], report["stopped_because"]) == (1, 2, "empty")
    result.refresh()
    assert (result.return_value, result.worker_ids) == (3, [report["worker_id"]])


def test_its_name_can_be_reversed():
    assert reverse("django_tasks_oneshot:run_due_tasks") == URL


@pytest.mark.parametrize("method", ["head", "put", "delete", "options", "patch"])
def test_other_methods_run_nothing(rows, call, method):
    result = tasks.noop.enqueue()
    assert call(method=method).status_code == 405
    assert result.status == TaskResultStatus.READY


def test_an_answer_is_kept_by_nobody_and_sets_no_cookie(rows, call):
    answer = call()
    assert "no-store" in answer.headers["Cache-Control"]
    assert "private" in answer.headers["Cache-Control"]
    assert not answer.cookies
    assert answer.headers["Content-Type"] == "application/json"


def test_no_session_is_opened(rows, call):
    with mock.patch("django.contrib.sessions.backends.db.SessionStore.load", side_effect=AssertionError):
        assert call().status_code == 200


def test_a_site_that_wants_everybody_logged_in_lets_it_pass(rows, call, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    assert call().status_code == 200


def test_csrf_is_not_asked_for(rows, call, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.csrf.CsrfViewMiddleware"]
    assert call().status_code == 200


def test_what_a_run_commits_is_there_at_once_whatever_atomic_requests_says(rows, call):
    seen = []

    def look(request, *args, **kwargs):
        seen.append(connection.in_atomic_block)

    with (
        mock.patch.dict(connection.settings_dict, {"ATOMIC_REQUESTS": True}),
        mock.patch.object(views, "check", look),
    ):
        assert call().status_code == 200
    assert seen == [False]


class TestHowLong:
    def bounds(self, call, query=""):
        """What remains to be started in, when the run begins; and its grace."""
        seen = []

        def drain(backend, deadline, limits):
            seen.append(deadline)
            return Report(worker_id="")

        with mock.patch.object(views, "drain_aside", drain):
            assert call(query).status_code == 200
        (deadline,) = seen
        return deadline.max_seconds + deadline.grace_seconds

    def test_as_long_as_the_setting_says(self, call):
        assert self.bounds(call) == pytest.approx(20)

    @pytest.mark.parametrize(("asked", "seconds"), [("5", 5), ("0.5", 0.5), ("20", 20)])
    def test_less_if_the_request_says_so(self, call, asked, seconds):
        assert self.bounds(call, f"max_seconds={asked}") == pytest.approx(seconds)

    @pytest.mark.parametrize("asked", ["21", "999999999"])
    def test_never_more(self, call, asked):
        assert self.bounds(call, f"max_seconds={asked}") == pytest.approx(20)

    def test_what_still_runs_is_interrupted_and_runs_again(self, rows, call):
        result = tasks.hang.enqueue("loop")
        report = call("max_seconds=0.5").json()
        assert (report["interrupted"], report["stopped_because"]) == (1, "max_seconds")
        result.refresh()
        assert result.status == TaskResultStatus.READY


class TestBadInput:
    @pytest.mark.parametrize(
        ("query", "sentence"),
        [
            ("max_seconds=soon", "?max_seconds=soon is not a number of seconds above 0; write 20, or leave it out."),
            ("max_seconds=0", "?max_seconds=0 is not a number of seconds above 0; write 20, or leave it out."),
            ("max_seconds=-1", "?max_seconds=-1 is not a number of seconds above 0; write 20, or leave it out."),
            *(
                (
                    f"max_seconds={text}",
                    f"?max_seconds={text} is not a number of seconds above 0; write 20, or leave it out.",
                )
                for text in ("inf", "1e9", "1_0", "\uff11", "9" * 400, "0.0")
            ),
            ("max_seconds=nan", "?max_seconds=nan is not a number of seconds above 0; write 20, or leave it out."),
            ("max_seconds=", "?max_seconds= is not a number of seconds above 0; write 20, or leave it out."),
            ("seconds=5", "?seconds= is not known; write one of: backend, max_seconds, queue."),
            ("queue=nowhere", "?queue=nowhere: TASKS['default']['QUEUES'] has only default, mail."),
            (
                "backend=nowhere",
                f"?backend=nowhere: The connection 'nowhere' doesn't exist. TASKS has: {', '.join(TASKS)}.",
            ),
            (
                "backend=immediate",
                (
                    "?backend=immediate: ImmediateBackend stores no tasks to run; set TASKS['immediate']['BACKEND'] "
                    "= 'django_tasks_oneshot.backends.database.DatabaseBackend'."
                ),
            ),
        ],
    )
    def test_is_answered_by_a_sentence(self, rows, call, query, sentence):
        result = tasks.noop.enqueue()
        answer = call(query)
        assert (answer.status_code, answer.json()) == (400, {"error": sentence})
        assert result.status == TaskResultStatus.READY

    @pytest.mark.parametrize("query", ["max_seconds=0", "nonsense=1"])
    def test_is_told_to_nobody_who_may_not_call(self, call, query):
        answer = call(query, authorization=None)
        assert (answer.status_code, answer.content) == (401, b"")


def test_queues_and_backends_are_those_of_the_command(rows, call):
    tasks.noop.enqueue()
    tasks.send_mail.enqueue("a@example.com")
    tasks.noop.using(backend="any_queue").enqueue()
    assert call("queue=mail").json()["claimed"] == 1
    assert call("queue=mail&queue=default").json()["claimed"] == 1
    assert call("backend=any_queue").json()["claimed"] == 1


@pytest.mark.parametrize("error", [OperationalError("the server is gone"), StoreUnavailable("SQS does not answer")])
def test_a_run_that_ends_early_says_so_and_the_log_why(call, caplog, error):
    with mock.patch.object(own_thread, "drain", side_effect=error):
        answer = call()
    assert answer.status_code == 503
    assert answer.json() == {"error": "The database or SQS failed; the log says more. No task is lost."}
    assert str(error) in caplog.text


def test_settings_that_are_wrong_are_an_error_of_the_server(call, settings, caplog):
    settings.TASKS = {"default": {**settings.TASKS["default"], "OPTIONS": {"lease": 5}}}
    answer = call()
    assert answer.status_code == 500
    assert "'lease'" in answer.json()["error"]
    assert "'lease'" in caplog.text


class TestOneAtATime:
    def test_a_second_run_of_a_process_does_nothing_and_says_so(self, rows, call):
        tasks.noop.enqueue()
        begun, end = threading.Event(), threading.Event()

        def slow(*args):
            begun.set()
            end.wait(60)
            return Report(worker_id="first")

        answers = []
        with mock.patch.object(own_thread, "drain", slow):
            first = threading.Thread(target=lambda: answers.append(call()))
            first.start()
            assert begun.wait(60)
            second = call()
            end.set()
            first.join()
        assert second.status_code == 200
        assert (second.json()["claimed"], second.json()["stopped_because"]) == (0, "busy")
        assert second.json()["remaining"] is None
        assert answers[0].json()["worker_id"] == "first"
        assert call().json()["claimed"] == 1

    def test_a_run_that_fails_is_in_nobodys_way(self, rows, call):
        with mock.patch.object(own_thread, "drain", side_effect=OperationalError):
            call()
        assert call().json()["stopped_because"] == "empty"

    def test_a_machine_without_a_thread_to_spare_is_in_nobodys_way_later(self, rows, call):
        with (
            mock.patch.object(threading.Thread, "start", side_effect=RuntimeError("can't start new thread")),
            pytest.raises(RuntimeError, match="can't start new thread"),
        ):
            call()
        assert call().json()["stopped_because"] == "empty"

    def test_a_run_that_cannot_be_interrupted_is_answered_for_in_time_and_goes_on(self, rows, call, caplog, eventually):
        end = threading.Event()

        def stuck(*args):
            end.wait(60)
            return Report(worker_id="")

        with mock.patch.object(own_thread, "drain", stuck):
            answers = [call("max_seconds=0.1"), call()]
            end.set()
        for answer in answers:  # its own, and that of who comes after its time
            assert answer.status_code == 503
            assert "goes on beyond its time" in answer.json()["error"]
        assert "has to be gone, and is not" in caplog.text
        eventually(lambda: call().status_code == 200)

    def test_a_time_out_of_its_own_is_one_of_the_run(self, rows, call):
        with (
            mock.patch.object(own_thread, "drain", side_effect=TimeoutError("a driver's")),
            pytest.raises(TimeoutError),
        ):
            call()
        assert call().json()["stopped_because"] == "empty"

    def test_a_run_that_has_answered_is_over(self, rows, call):
        for _ in range(20):
            assert call().json()["stopped_because"] == "empty"


def test_a_run_is_in_a_thread_of_its_own_and_leaves_no_connection_behind(rows, call):
    threads = []

    def drain(*args):
        threads.append(threading.current_thread())
        connection.ensure_connection()
        threads.append(connections["default"])
        return Report(worker_id="")

    with mock.patch.object(own_thread, "drain", drain):
        call()
    thread, session = threads
    assert not thread.daemon
    assert session is not connections["default"]
    assert thread is not threading.current_thread()
    thread.join(60)
    assert not thread.is_alive()
    assert session.connection is None


def test_the_report_of_an_error_does_not_show_the_secret(rows, call):
    with mock.patch.object(views, "_asked", side_effect=ZeroDivisionError), pytest.raises(ZeroDivisionError) as raised:
        call()
    reporter = ExceptionReporter(RequestFactory().post(URL), raised.type, raised.value, raised.tb)
    ours = [frame for frame in reporter.get_traceback_data()["frames"] if frame["filename"] == views.__file__]
    shown = dict(ours[0]["vars"])
    assert shown["secrets"] == "<secrets>"
    assert SECRET not in str(shown)


class TestInATestCase(TestCase):
    """Whose rows no other thread can see."""

    def test_the_url_can_be_called(self):
        result = tasks.add.enqueue(1, 2)
        answer = self.client.post(URL, headers={"Authorization": f"Bearer {SECRET}"})
        assert answer.json()["succeeded"] == 1
        result.refresh()
        assert result.return_value == 3


class TestCheck:
    def messages(self):
        return [each for each in run_checks(tags=[Tags.urls]) if each.id == "oneshot.W006"]

    @override_settings(ONESHOT={})
    def test_a_url_without_a_secret_is_told(self):
        (warning,) = self.messages()
        assert warning.msg == "/tasks/run/ answers 503 to everybody: ONESHOT['TICK_SECRET'] is not set."
        assert "Write ONESHOT = {'TICK_SECRET': os.environ.get('TICK_SECRET')}" in warning.hint
        assert "secrets.token_urlsafe" in warning.hint

    @override_settings(ONESHOT={"TICK_SECRET": None})
    def test_one_that_is_missing_from_the_environment_is_told_so(self):
        (warning,) = self.messages()
        assert "It is written there, and has no value here: set the variable that it is read from." in warning.hint

    @pytest.mark.parametrize("oneshot", [{"TICK_SECRET": "short"}, {"TICK_SECRET": ["short"]}])
    def test_of_one_that_cannot_be_used_another_check_tells(self, oneshot):
        with override_settings(ONESHOT=oneshot):
            assert self.messages() == []

    @override_settings(ONESHOT=5)
    def test_settings_that_are_no_dict_are_told_by_another_check(self):
        assert len(self.messages()) == 1

    def test_not_so_with_one(self):
        assert self.messages() == []

    @override_settings(ONESHOT={}, ROOT_URLCONF="tests.http.test_view")
    def test_nor_without_the_url(self):
        assert self.messages() == []

    @override_settings(ONESHOT={})
    def test_nor_where_there_are_no_urls_at_all(self, settings):
        del settings.ROOT_URLCONF
        assert url_of_runs() is None

    @override_settings(ONESHOT={})
    def test_nor_on_vercel_which_brings_one(self):
        with mock.patch.dict(os.environ, {"VERCEL": "1", "CRON_SECRET": SECRET}):
            assert self.messages() == []
