from __future__ import annotations

import logging

import pytest
from django.dispatch import Signal

from django_tasks_oneshot.compat import task_backends
from django_tasks_oneshot.contract.notify import notify

from .results import failed


@pytest.fixture
def signal():
    return Signal()


def test_a_receiver_gets_the_backend_class_and_the_result(signal):
    received = []

    def receiver(sender, task_result, **kwargs):
        received.append((sender, task_result))

    signal.connect(receiver)
    backend, result = task_backends["default"], failed(1)
    notify(signal, backend, result)
    assert received == [(type(backend), result)]


def test_a_receiver_that_raises_hurts_no_other(signal):
    received = []

    def broken(**kwargs):
        raise ValueError("broken receiver")

    def receiver(task_result, **kwargs):
        received.append(task_result.id)

    signal.connect(broken)
    signal.connect(receiver)
    notify(signal, task_backends["default"], failed(1))
    assert received == ["a-result"]


@pytest.mark.parametrize("exception", [SystemExit("bye"), KeyboardInterrupt(), GeneratorExit()])
def test_a_receiver_that_wants_to_end_the_process_is_logged_with_the_task(signal, exception, caplog):
    def receiver(**kwargs):
        raise exception

    signal.connect(receiver)
    with caplog.at_level(logging.ERROR, logger="django_tasks_oneshot"):
        notify(signal, task_backends["default"], failed(1))
    (record,) = caplog.records
    assert "a-result" in record.getMessage()
    assert record.exc_info[1] is exception
