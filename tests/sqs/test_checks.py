"""What is said of settings that cannot be meant."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import override_settings

from django_tasks_oneshot.backends import sqs_client
from django_tasks_oneshot.backends.base import Claimant
from django_tasks_oneshot.compat import InvalidTask, task_backends
from tests.project.settings import INSTALLED_APPS, sqs
from tests.project.shop import tasks

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/tasks"


def checked(alias="default", **options):
    tasks = options if "default" in options else {"default": sqs(**options)}
    with override_settings(TASKS=tasks):
        return {each.id: each for each in task_backends[alias].check()}


class TestChecks:
    def test_good_settings_give_none(self):
        assert checked(queue_urls=URL) == {}
        assert checked(queue_urls={"default": URL, "mail": f"{URL}-mail"}, high_priority_queue_urls=f"{URL}-high") == {}

    def test_e001_the_app_is_missing(self):
        with override_settings(INSTALLED_APPS=[each for each in INSTALLED_APPS if each != "django_tasks_oneshot"]):
            (error,) = checked(queue_urls=URL).values()
        assert error.id == "oneshot.E001"
        assert "INSTALLED_APPS" in error.hint

    def test_e003_an_option_that_is_not_known(self):
        (error,) = checked(queue_urls=URL, queue_url=URL).values()
        assert error.id == "oneshot.E003"
        assert "'queue_url', which SQSBackend does not know" in error.msg
        assert "queue_urls" in error.hint

    def test_e006_boto3_is_missing(self, monkeypatch):
        monkeypatch.setattr(sqs_client, "find_spec", lambda name: None)
        (error,) = checked(queue_urls=URL).values()
        assert error.id == "oneshot.E006"
        assert error.msg == "TASKS['default'] needs boto3."
        assert error.hint == "Type: pip install 'django-tasks-oneshot[sqs]'"

    @pytest.mark.parametrize("queue_urls", [None, {}, "", {"default": URL}])
    def test_e007_a_queue_without_a_url(self, queue_urls):
        (error,) = checked(queue_urls=queue_urls).values()
        assert error.id == "oneshot.E007"
        assert error.msg.startswith("TASKS['default']: Queue ")
        assert "OPTIONS['queue_urls']" in error.msg
        assert error.hint.startswith('Write "OPTIONS": {"queue_urls": "https://sqs.')

    def test_e007_a_region_that_is_missing(self, monkeypatch):
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            monkeypatch.delenv(name, raising=False)
        sqs_client._session.cache_clear()
        try:
            (error,) = checked(queue_urls="https://queues.example/1/tasks", region=None).values()
        finally:
            sqs_client._session.cache_clear()
        assert error.id == "oneshot.E007"
        assert "region" in error.msg

    def test_e008_two_backends_with_one_queue(self):
        both = {"default": sqs(queue_urls=URL), "other": sqs(queue_urls={"default": f"{URL}-2", "mail": URL})}
        (error,) = checked(**both).values()
        assert error.id == "oneshot.E008"
        assert error.msg == f"TASKS['default'] and TASKS['other'] have one queue, {URL}."
        assert "queue of its own" in error.hint

    def test_e008_a_backend_that_dispatches_to_the_queue_of_another(self):
        both = {
            "default": sqs(queue_urls=URL),
            "rows": {
                "BACKEND": "django_tasks_oneshot.backends.database.DatabaseBackend",
                "OPTIONS": {"dispatch": {"sqs_queue_url": URL, "region": "eu-west-1"}},
            },
        }
        assert list(checked(**both)) == ["oneshot.E008"]

    def test_a_run_says_what_the_checks_say(self, db):
        with override_settings(TASKS={"default": sqs(queue_urls=None)}), pytest.raises(CommandError, match=r"E007"):
            call_command("run_due_tasks")


class TestQueues:
    def test_one_url_is_for_all_queues(self, use):
        backend = use(queue_urls=URL)
        assert backend.url_of("default", 0) == backend.url_of("mail", 0) == URL
        assert backend.urls == [URL]

    def test_one_url_for_each_and_one_for_the_others(self, use):
        backend = use(queue_urls={"mail": f"{URL}-mail", "*": URL})
        assert (backend.url_of("mail", 0), backend.url_of("default", 0)) == (f"{URL}-mail", URL)

    def test_urgent_tasks_have_queues_that_come_first(self, use):
        backend = use(queue_urls=URL, high_priority_queue_urls={"mail": f"{URL}-high"})
        assert backend.url_of("mail", 1) == f"{URL}-high"
        assert backend.url_of("mail", 0) == backend.url_of("mail", -1) == backend.url_of("default", 1) == URL
        assert backend.urls == [f"{URL}-high", URL]

    def test_a_task_of_a_queue_without_a_url_is_refused(self, use):
        use(queue_urls={"mail": URL})
        with pytest.raises(InvalidTask, match=r"Queue 'default' has no URL; add it to OPTIONS\['queue_urls'\]"):
            tasks.noop.enqueue()

    def test_a_run_for_a_queue_that_shares_its_url_is_refused(self, use):
        backend = use(queue_urls={"mail": f"{URL}-mail", "*": URL})
        backend.open_store(Claimant(worker_id="w", queues={"mail"}))
        with pytest.raises(ImproperlyConfigured, match="'default' of 'default' shares its SQS queue"):
            backend.open_store(Claimant(worker_id="w", queues={"default"}))

    def test_a_run_for_some_queues_takes_their_urgent_tasks_first(self, use):
        high, usual = ({name: f"{URL}-{name}-{kind}" for name in ("default", "mail")} for kind in ("high", "usual"))
        backend = use(queue_urls=usual, high_priority_queue_urls=high)
        store = backend.open_store(Claimant(worker_id="w", queues={"mail"}))
        assert store.mailbox.by_priority == [[high["mail"]], [usual["mail"]]]


class TestWhatItSupports:
    def test_results_only_where_they_are_asked_for(self, use):
        assert not use(queue_urls=URL).supports_get_result
        assert use(queue_urls=URL, results=True).supports_get_result

    def test_a_result_that_is_not_kept_cannot_be_asked_for(self, use):
        use(queue_urls=URL)
        with pytest.raises(NotImplementedError):
            tasks.noop.get_result("1")

    def test_priorities_only_with_a_queue_for_them(self, use):
        assert not use(queue_urls=URL).supports_priority
        with pytest.raises(InvalidTask):
            tasks.noop.using(priority=10).enqueue()
        assert use(queue_urls=URL, high_priority_queue_urls=f"{URL}-high").supports_priority

    def test_a_name_that_no_row_can_hold_is_refused_where_there_are_rows(self):
        any_queue = {**sqs(queue_urls=URL, results=True), "QUEUES": []}
        with override_settings(TASKS={"default": any_queue}), pytest.raises(InvalidTask, match="cannot be stored"):
            tasks.noop.using(queue_name="q" * 101)

    def test_a_backend_is_made_without_boto3_and_without_models(self, manage):
        code = (
            "from django_tasks_oneshot.backends.sqs import SQSBackend\n"
            "SQSBackend('default', {'OPTIONS': {'queue_urls': 'https://sqs/1/2'}})\n"
            "assert 'boto3' not in sys.modules and 'botocore' not in sys.modules"
        )
        process = manage.start_code(code)
        assert process.communicate()[1] == ""
        assert process.returncode == 0


@pytest.mark.parametrize(
    ("urls", "region"),
    [
        (["https://sqs.eu-west-1.amazonaws.com/123456789012/tasks"], "eu-west-1"),
        (["https://sqs.cn-north-1.amazonaws.com.cn/123456789012/tasks"], "cn-north-1"),
        (["https://sqs.eu-west-1.amazonaws.com/1/a", "https://sqs.us-east-1.amazonaws.com/1/b"], None),
        (["http://127.0.0.1:5000/123456789012/tasks"], None),
        ([], None),
    ],
)
def test_urls_of_aws_tell_their_region(urls, region):
    assert sqs_client.region_of(urls) == region


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"wait_seconds": 21}, "wait_seconds"),
        ({"wait_seconds": "1"}, "wait_seconds"),
        ({"on_commit": "x"}, "on_commit"),
    ],
)
def test_an_option_that_cannot_be_meant_is_e004(options, name):
    (error,) = checked(queue_urls=URL, **options).values()
    assert error.id == "oneshot.E004"
    assert name in error.msg
