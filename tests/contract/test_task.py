from __future__ import annotations

import copy
import importlib
import pickle
import types
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import django
import pytest
from django.test import override_settings

from django_tasks_oneshot import Cron, Every, InvalidTask, constant, exponential, linear, task
from django_tasks_oneshot.compat import InvalidTaskBackend, Task, TaskContext, TaskResultStatus, task_backends
from django_tasks_oneshot.contract.task import Policy, with_policy

from . import functions
from .conftest import BACKENDS, FRAMEWORK
from .functions import Unhashable, fetch, send, tell_attempt, wait, wait_a_minute
from .other_backend import OtherTask
from .results import failed

POLICY = {
    "max_attempts": 5,
    "backoff": constant(30),
    "timeout": timedelta(minutes=1),
    "max_interruptions": 2,
    "schedule": Every(hours=1),
}
FIELDS = [*POLICY]
LATER = datetime(2100, 1, 1, tzinfo=UTC)


def policy_of(a_task):
    return {name: getattr(a_task, name) for name in FIELDS}


class TestDecorator:
    def test_bare(self, alias):
        with override_settings(TASKS={"default": {"BACKEND": BACKENDS[alias]}}):
            made = task(send)
        assert isinstance(made, Task)
        assert (made.func, made.name, made.module_path) == (send, "send", "tests.contract.functions.send")
        assert (made.priority, made.queue_name, made.backend) == (0, "default", "default")
        assert (made.run_after, made.takes_context) == (None, False)
        assert policy_of(made) == dict.fromkeys(FIELDS) | {"schedule": ()}

    def test_with_brackets_and_nothing_in_them(self, alias):
        assert task(backend=alias)(send) == task(send, backend=alias)
        assert task()(send) == task(send)

    def test_with_arguments(self, alias):
        made = task(backend=alias, priority=7, queue_name="mail", **POLICY)(send)
        assert (made.func, made.priority, made.queue_name, made.backend) == (send, 7, "mail", alias)
        assert policy_of(made) == POLICY | {"schedule": (Every(hours=1),)}

    @pytest.mark.parametrize("name", FIELDS)
    def test_with_one_argument_leaves_the_others_unsaid(self, alias, name):
        made = task(backend=alias, **{name: POLICY[name]})(send)
        unsaid = {each: value for each, value in policy_of(made).items() if each != name}
        assert not any(unsaid.values())

    def test_gives_what_the_backends_own_class_makes(self, alias):
        made = task(backend=alias, **POLICY)(send)
        assert isinstance(made, task_backends[alias].task_class)

    def test_takes_the_fields_of_the_backends_own_class(self):
        made = task(backend="other", label="urgent", headers={"a": 1}, max_attempts=5)(send)
        assert isinstance(made, OtherTask)
        assert (made.label, made.headers, made.max_attempts) == ("urgent", {"a": 1}, 5)

    def test_leaves_the_function_callable_through_the_task(self):
        assert task(max_attempts=2)(send).call(42) == 42

    def test_takes_an_async_function(self, alias):
        assert task(backend=alias, max_attempts=2)(wait).call() == "waited"

    def test_takes_a_function_that_wants_its_context(self, alias):
        made = task(backend=alias, takes_context=True, max_attempts=2)(tell_attempt)
        assert made.takes_context
        assert made.call(TaskContext(task_result=failed(3))) == 3

    def test_takes_several_schedules(self, alias):
        rules = [Cron("@daily"), Every(hours=1)]
        assert task(backend=alias, schedule=rules)(send).schedule == tuple(rules)

    @pytest.mark.parametrize("timeout", [60, 60.0, timedelta(minutes=1)])
    def test_takes_a_timeout_in_seconds_or_as_a_timedelta(self, alias, timeout):
        assert Policy.of(task(backend=alias, timeout=timeout)(send)).timeout == timedelta(seconds=60)

    @pytest.mark.parametrize("backoff", [wait_a_minute, lambda *_: 5, Unhashable(), exponential(1), linear(1)])
    def test_takes_any_callable_as_backoff(self, alias, backoff):
        assert task(backend=alias, backoff=backoff)(send).backoff is backoff


class TestDecoratorRefuses:
    @pytest.mark.parametrize("run_after", [LATER, None])
    def test_run_after(self, run_after):
        with pytest.raises(TypeError, match=r"write task\.using\(run_after=\.\.\.\)\.enqueue\(\)"):
            task(run_after=run_after)

    def test_what_it_does_not_know(self, alias):
        with pytest.raises(TypeError, match="max_retries"):
            task(backend=alias, max_retries=3)(send)

    def test_a_backend_that_is_not_in_the_settings(self):
        with pytest.raises(InvalidTaskBackend, match="nowhere"):
            task(backend="nowhere", max_attempts=3)(send)

    def test_what_the_backend_refuses(self, alias):
        with pytest.raises(InvalidTask, match="not valid for backend"):
            task(backend=alias, queue_name="unknown")(send)

    def test_a_function_inside_another(self, alias):
        def inner():
            pass

        with pytest.raises(InvalidTask, match="module level"):
            task(backend=alias, max_attempts=3)(inner)

    def test_takes_context_without_a_context(self, alias):
        with pytest.raises(InvalidTask, match="first argument of 'context'"):
            task(backend=alias, takes_context=True)(send)

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"max_attempts": 0}, "max_attempts=0 is not a whole number of at least 1; write max_attempts=1 to never"),
            ({"max_attempts": -1}, "max_attempts=-1 is not a whole number of at least 1; write max_attempts=1"),
            ({"max_attempts": True}, "max_attempts=True is not a whole number of at least 1; write max_attempts=1"),
            ({"max_attempts": "3"}, "max_attempts='3' is not a whole number of at least 1; write max_attempts=1"),
            ({"max_attempts": 3.0}, "max_attempts=3.0 is not a whole number of at least 1; write max_attempts=1"),
            ({"max_interruptions": -1}, "max_interruptions=-1 is not a whole number of at least 0; write max_inter"),
            ({"max_interruptions": False}, "max_interruptions=False is not a whole number of at least 0; write max"),
            ({"max_interruptions": "1"}, "max_interruptions='1' is not a whole number of at least 0; write max"),
            ({"timeout": 0}, "timeout=0 would let no attempt run; write the seconds one may take, or None"),
            ({"timeout": timedelta(0)}, "timeout=0 would let no attempt run; write the seconds one may take"),
            ({"timeout": -1}, "timeout=-1 is not a time to wait; write seconds (30) or a timedelta"),
            ({"timeout": "30"}, "timeout='30' is not a time to wait; write seconds (30) or a timedelta"),
            ({"timeout": True}, "timeout=True is not a time to wait; write seconds (30) or a timedelta"),
            ({"backoff": 5}, "backoff=5 is not callable; write backoff=constant(10), or a function"),
            ({"backoff": "functions.wait"}, "backoff='functions.wait' is not callable; write backoff=constant(10)"),
            ({"backoff": (10, 60)}, "backoff=(10, 60) is not callable; write backoff=constant(10), or a function"),
            ({"backoff": exponential}, "backoff=exponential makes a backoff and is none itself; write backoff=exp"),
            ({"backoff": linear}, "backoff=linear makes a backoff and is none itself; write backoff=linear(10)"),
            ({"backoff": constant}, "backoff=constant makes a backoff and is none itself; write backoff=constant(10)"),
            ({"schedule": "* * * * *"}, "schedule='* * * * *' is not a rule; write schedule=Cron('0 7 * * *')"),
            ({"schedule": 60}, "schedule=60 is not a rule; write schedule=Cron('0 7 * * *') or schedule=Every("),
            ({"schedule": [Every(hours=1), "@daily"]}, "schedule='@daily' is not a rule; write schedule=Cron("),
        ],
    )
    def test_a_bad_policy_and_says_what_to_write_instead(self, alias, registry, options, sentence):
        with pytest.raises(InvalidTask) as refused:
            task(backend=alias, **options)(send)
        assert str(refused.value).startswith(sentence)
        assert registry == {}


class TestEnqueue:
    @pytest.mark.django_db
    @pytest.mark.parametrize("name", ["database", "immediate", "dummy"])
    def test_works_with_a_policy(self, declare, name):
        declared = declare(send, backend=name, **POLICY)
        result = declared.enqueue(42)
        assert (result.task, result.args, result.backend) == (declared, [42], name)

    def test_works_on_a_backend_that_has_a_class_of_its_own(self, declare):
        declared = declare(send, backend="other", **POLICY)
        assert declared.enqueue(42) == declared

    def test_executes_on_the_immediate_backend(self):
        result = task(backend="immediate", takes_context=True, max_attempts=3)(tell_attempt).enqueue()
        assert (result.status, result.return_value) == (TaskResultStatus.SUCCESSFUL, 1)

    @pytest.mark.parametrize("name", ["immediate", "dummy"])
    def test_works_for_a_task_that_has_another_name_than_its_function(self, name):
        renamed = task(backend=name, max_attempts=3)(send)
        assert renamed.enqueue(42).task == renamed


class TestUsing:
    def test_keeps_the_policy(self, alias):
        made = task(backend=alias, **POLICY)(send)
        changed = made.using(priority=9, queue_name="mail")
        assert (changed.priority, changed.queue_name) == (9, "mail")
        assert policy_of(changed) == policy_of(made)
        assert type(changed) is type(made)

    @pytest.mark.parametrize("name", ["database", "dummy", "other"])
    def test_keeps_the_policy_when_it_is_put_off(self, name):
        made = task(backend=name, **POLICY)(send)
        changed = made.using(run_after=LATER)
        assert changed.run_after == LATER
        assert policy_of(changed) == policy_of(made)

    def test_keeps_the_policy_on_another_backend(self, alias):
        made = task(backend=alias, **POLICY)(send)
        for other in BACKENDS:
            changed = made.using(backend=other)
            assert changed.get_backend() is task_backends[other]
            assert policy_of(changed) == policy_of(made)

    def test_keeps_the_fields_of_the_backends_own_class(self):
        made = task(backend="other", label="urgent", headers={"a": 1}, max_attempts=5)(send)
        changed = made.using(queue_name="mail")
        assert (changed.label, changed.headers, changed.max_attempts) == ("urgent", {"a": 1}, 5)

    def test_takes_a_task_without_policy_to_ours(self):
        plain = Task(func=send, priority=0, backend="immediate", queue_name="default", run_after=None)
        assert Policy.of(plain.using(backend="database")) == Policy()


class TestValue:
    def test_two_tasks_that_say_the_same_are_equal(self, alias):
        made = task(backend=alias, **POLICY)(send)
        assert made == task(backend=alias, **POLICY)(send)
        assert hash(made) == hash(task(backend=alias, **POLICY)(send))
        assert made.using(queue_name="mail") == made.using(queue_name="mail")

    @pytest.mark.parametrize("name", FIELDS)
    def test_two_tasks_with_different_policies_are_not_equal(self, alias, name):
        made = task(backend=alias, **POLICY)(send)
        assert made != task(backend=alias, **{**POLICY, name: None})(send)

    def test_it_can_be_in_a_set(self, alias):
        made = task(backend=alias, **POLICY)(send)
        assert len({made, made.using(), made.using(queue_name="mail"), task(backend=alias)(fetch)}) == 3

    def test_it_can_be_in_a_set_with_a_backoff_that_cannot(self, alias):
        made = task(backend=alias, backoff=Unhashable())(send)
        assert {made: "found"}[made.using()] == "found"

    def test_it_has_the_hash_that_the_backends_own_class_gives_it(self):
        made = task(backend="other", label="urgent", headers={"a": 1}, max_attempts=5)(send)
        assert hash(made) == hash((send, "urgent"))

    def test_it_cannot_be_changed(self, alias):
        made = task(backend=alias, **POLICY)(send)
        with pytest.raises(AttributeError):
            made.max_attempts = 6

    def test_its_class_has_the_name_of_the_backends_own_class(self):
        assert type(task(backend="other")(send)).__name__ == "OtherTask"

    def test_it_shows_its_policy(self):
        assert "max_attempts=5" in repr(task(**POLICY)(send))


class TestPickle:
    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_gives_the_same_task(self, alias, declare, protocol):
        declared = declare(send, backend=alias, **POLICY)
        assert pickle.loads(pickle.dumps(declared, protocol)) == declared

    @pytest.mark.parametrize("changes", [{"priority": 9}, {"queue_name": "mail"}, {"backend": "dummy"}])
    def test_keeps_what_using_changed(self, alias, declare, changes):
        declared = declare(send, backend=alias, **POLICY)
        changed = pickle.loads(pickle.dumps(declared.using(**changes)))
        assert changed == declared.using(**changes)
        assert policy_of(changed) == policy_of(declared)

    def test_keeps_what_using_changed_back_to_the_default(self, declare):
        declared = declare(send, priority=9, queue_name="mail")
        changed = declared.using(priority=0, queue_name="default")
        assert pickle.loads(pickle.dumps(changed)) == changed

    def test_keeps_run_after(self, declare):
        changed = declare(send, **POLICY).using(run_after=LATER)
        assert pickle.loads(pickle.dumps(changed)).run_after == LATER

    def test_keeps_a_field_of_the_backends_own_class(self, declare):
        declared = declare(send, backend="other", label="urgent", headers={"a": 1})
        changed = replace(declared, label="later", headers={"b": 2})
        assert pickle.loads(pickle.dumps(declared)) == declared
        assert pickle.loads(pickle.dumps(changed)) == changed

    def test_keeps_a_policy_that_was_replaced(self, declare):
        changed = replace(declare(send, **POLICY), max_attempts=9, timeout=None)
        assert pickle.loads(pickle.dumps(changed)) == changed

    def test_takes_a_policy_that_cannot_be_pickled_itself(self, alias, declare):
        declared = declare(send, backend=alias, backoff=lambda *_: 5)
        with pytest.raises((pickle.PicklingError, AttributeError)):
            pickle.dumps(declared.backoff)
        assert pickle.loads(pickle.dumps(declared)) == declared
        assert pickle.loads(pickle.dumps(declared.using(queue_name="mail"))).backoff is declared.backoff

    def test_registers_no_copy(self, declare, registry):
        declared = declare(send, **POLICY)
        pickle.loads(pickle.dumps(declared.using(queue_name="mail")))
        assert registry["tests.contract.functions.send"] is declared

    def test_refuses_a_task_that_its_path_does_not_lead_to(self, alias):
        renamed = task(backend=alias, max_attempts=3)(send)
        with pytest.raises(pickle.PicklingError) as refused:
            pickle.dumps(renamed)
        assert str(refused.value) == (
            "tests.contract.functions.send is not this task; decorate the function with @task."
        )

    def test_refuses_a_task_whose_path_leads_to_another(self, declare):
        former = declare(send, max_attempts=3)
        declare(types.FunctionType(fetch.__code__, send.__globals__, "send"), max_attempts=4)
        with pytest.raises(pickle.PicklingError, match="is not this task"):
            pickle.dumps(former)

    def test_refuses_a_task_whose_module_is_gone(self):
        orphan = types.FunctionType(send.__code__, {"__name__": "tests.contract.gone"}, "send")
        with pytest.raises(pickle.PicklingError, match=r"tests\.contract\.gone\.send is not this task"):
            pickle.dumps(task(max_attempts=3)(orphan))

    @pytest.mark.parametrize("make", [copy.copy, copy.deepcopy])
    def test_is_not_needed_for_a_copy(self, alias, make):
        renamed = task(backend=alias, max_attempts=3, backoff=lambda *_: 5)(send)
        assert make(renamed) == renamed


class TestRegistry:
    def test_has_each_task_under_its_path(self, alias, registry):
        made = [task(backend=alias, max_attempts=5)(send), task(backend=alias)(fetch)]
        assert registry == {"tests.contract.functions.send": made[0], "tests.contract.functions.fetch": made[1]}

    def test_has_no_copy_that_using_made(self, registry):
        made = task(**POLICY)(send)
        made.using(queue_name="mail", backend="dummy")
        assert registry["tests.contract.functions.send"] is made

    def test_has_the_newest_function_of_a_name(self, registry):
        task(max_attempts=3)(send)
        again = task(max_attempts=4)(types.FunctionType(send.__code__, send.__globals__, "send"))
        assert registry == {"tests.contract.functions.send": again}

    def test_has_no_task_that_was_refused(self, registry):
        with pytest.raises(InvalidTask):
            task(queue_name="unknown", max_attempts=3)(send)
        assert registry == {}


class TestPlainDecorator:
    """``from django.tasks import task`` with our backend."""

    plain = staticmethod(importlib.import_module(FRAMEWORK.rpartition(".")[0]).task)

    @pytest.mark.skipif(django.VERSION[:2] == (6, 0), reason="Django 6.0's decorator takes no further arguments")
    def test_takes_the_policy(self, registry):
        made = self.plain(**POLICY)(send)
        assert made == task(**POLICY)(send)
        assert registry == {"tests.contract.functions.send": made}

    @pytest.mark.skipif(django.VERSION[:2] == (6, 0), reason="Django 6.0's decorator takes no further arguments")
    def test_refuses_a_bad_policy(self):
        with pytest.raises(InvalidTask, match="write max_attempts=1 to never retry"):
            self.plain(max_attempts=0)(send)

    def test_makes_tasks_that_have_the_policy_fields(self):
        assert self.plain(send) == task(send)

    def test_leaves_the_classes_of_other_backends_as_they_are(self):
        task(backend="immediate", **POLICY)(send)
        plain = self.plain(backend="immediate")(send)
        assert {f.name for f in fields(plain)}.isdisjoint(FIELDS)


class TestWithPolicy:
    def test_makes_one_class_for_each(self):
        assert with_policy(Task) is with_policy(Task)
        assert with_policy(OtherTask) is not with_policy(Task)

    def test_leaves_a_class_that_has_the_fields_as_it_is(self):
        assert with_policy(with_policy(Task)) is with_policy(Task)

    def test_adds_only_what_is_missing(self):
        assert [f.name for f in fields(with_policy(OtherTask))] == [f.name for f in fields(OtherTask)] + FIELDS


class TestSchedule:
    def test_of_a_task_that_needs_arguments_is_refused(self):
        with pytest.raises(InvalidTask, match=r"required argument: 'user_id'.*write args= or kwargs= in the rule, or"):
            task(schedule=Every(minutes=5))(functions.needs_a_user)

    def test_of_a_task_that_needs_only_its_context_is_taken(self):
        assert task(schedule=Every(minutes=5), takes_context=True)(functions.needs_its_context).schedule


class TestPolicy:
    def test_of_a_task_is_what_it_says(self, alias):
        assert Policy.of(task(backend=alias, timeout=90, max_attempts=2)(send)) == Policy(
            max_attempts=2, timeout=timedelta(seconds=90)
        )

    def test_of_a_task_without_the_fields_is_the_default(self):
        plain = Task(func=send, priority=0, backend="immediate", queue_name="default", run_after=None)
        assert Policy.of(plain) == Policy(max_attempts=1, timeout=None, max_interruptions=3)
        assert Policy.of(plain, Policy(max_attempts=7)) == Policy(max_attempts=7)

    def test_from_settings(self):
        params = {"BACKEND": "x", "MAX_ATTEMPTS": 4, "BACKOFF": wait_a_minute, "TIMEOUT": 90, "MAX_INTERRUPTIONS": 0}
        assert Policy.from_settings(params) == Policy(
            max_attempts=4, backoff=wait_a_minute, timeout=timedelta(seconds=90), max_interruptions=0
        )

    def test_from_settings_that_say_nothing(self):
        assert Policy.from_settings({"BACKEND": "x", "OPTIONS": {"MAX_ATTEMPTS": 4}}) == Policy()

    def test_from_settings_takes_a_backoff_by_its_import_path(self):
        policy = Policy.from_settings({"BACKOFF": "tests.contract.functions.default_backoff"})
        assert policy == Policy(backoff=functions.default_backoff)

    @pytest.mark.parametrize(
        "path", ["tests.contract.functions.gone", "tests.contract.gone.default_backoff", "default_backoff"]
    )
    def test_from_settings_refuses_a_path_that_leads_nowhere(self, path):
        with pytest.raises(ImportError, match=r"gone|default_backoff"):
            Policy.from_settings({"BACKOFF": path})

    @pytest.mark.parametrize(
        ("params", "sentence"),
        [
            ({"MAX_ATTEMPTS": 0}, "max_attempts=0 is not a whole number"),
            ({"TIMEOUT": "30"}, "timeout='30' is not a time to wait"),
            ({"BACKOFF": 5}, "backoff=5 is not callable"),
            ({"BACKOFF": "tests.contract.functions.not_a_backoff"}, "backoff='soon' is not callable"),
            ({"BACKOFF": "django_tasks_oneshot.exponential"}, "backoff=exponential makes a backoff"),
            ({"MAX_INTERRUPTIONS": -1}, "max_interruptions=-1 is not a whole number"),
        ],
    )
    def test_from_settings_refuses_what_a_task_may_not_say(self, params, sentence):
        with pytest.raises(InvalidTask) as refused:
            Policy.from_settings(params)
        assert str(refused.value).startswith(sentence)

    def test_of_a_task_keeps_what_it_says(self):
        default = Policy(max_attempts=5, backoff=constant(5), timeout=60, max_interruptions=3)
        said = {"max_attempts": 1, "backoff": wait_a_minute, "timeout": timedelta(seconds=1), "max_interruptions": 0}
        assert Policy.of(task(**said)(send), default) == Policy(**said)

    def test_of_a_task_takes_from_the_default_what_it_does_not_say(self):
        default = Policy(max_attempts=5, backoff=constant(5), timeout=60, max_interruptions=3)
        assert Policy.of(task(send), default) == default
        assert Policy.of(task(timeout=30)(send), default) == replace(default, timeout=timedelta(seconds=30))

    def test_of_a_backend_has_what_its_settings_and_the_defaults_say(self):
        tasks = {"default": {"BACKEND": BACKENDS["database"], "MAX_ATTEMPTS": 4, "BACKOFF": wait_a_minute}}
        with override_settings(TASKS=tasks):
            assert task_backends["default"].default_policy == Policy(
                max_attempts=4, backoff=wait_a_minute, max_interruptions=3
            )
