from __future__ import annotations

import os
import re
import signal
import threading
from pathlib import Path

import pytest

from local_aws import ENVIRONMENT, FunctionError

from .processes import is_running, needs_proc, state


def error_of(function, event=None):
    with pytest.raises(FunctionError) as caught:
        function.invoke(event or {})
    return caught.value


def test_an_event_goes_in_and_the_result_comes_back(function):
    event = {"text": "ünïcode 🐍", "numbers": [1, 2.5, None, True], "nested": {"a": []}}
    assert function("echo").invoke(event) == event


def test_a_process_stays_for_the_next_invocation(function):
    count = function("count")
    assert [count.invoke({}) for _ in range(3)] == [1, 2, 3]


def test_two_functions_have_a_process_each(function):
    first, second = function("describe"), function("describe")
    assert first.invoke({})["pid"] != second.invoke({})["pid"]


def test_the_context_knows_the_invocation_and_the_time_that_is_left(function):
    describe = function("describe", name="mine")
    first, second = describe.invoke({}), describe.invoke({})
    assert 0 < first["remaining"] <= describe.timeout * 1000
    assert first["request_id"] != second["request_id"]
    assert first["arn"] == describe.arn
    assert first["arn"].endswith(":function:mine")
    assert first["name"] == "mine"
    assert first["trace"].startswith("Root=1-")


def test_an_environment_is_what_is_given_and_what_lambda_sets(function, monkeypatch):
    monkeypatch.setenv("OF_THE_CALLER", "secret")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "real")
    environment = function("environment", environment={"GIVEN": "1", "AWS_REGION": "moon-1"}).invoke({})
    assert environment["GIVEN"] == "1"
    assert "OF_THE_CALLER" not in environment
    assert environment["AWS_ACCESS_KEY_ID"] == ENVIRONMENT["AWS_ACCESS_KEY_ID"]
    assert environment["AWS_REGION"] == ENVIRONMENT["AWS_DEFAULT_REGION"]
    assert environment["LAMBDA_TASK_ROOT"] == str(Path(__file__).parent)


def test_an_exception_is_an_error_with_its_traceback_and_the_process_stays(function):
    sometimes = function("fail_when_told")
    assert sometimes.invoke({}) == 1
    error = error_of(sometimes, {"fail": True})
    assert (error.error_type, error.message) == ("ValueError", "as told")
    assert 'raise ValueError("as told")' in "".join(error.payload["stackTrace"])
    assert str(error) == "ValueError: as told"
    assert sometimes.invoke({}) == 2


def test_an_error_may_say_anything(function):
    fail = function("fail")
    assert error_of(fail).message == "bad event é"
    assert "[ERROR] ValueError: bad event é\nTraceback (most recent call last):\n" in fail.logs()


def test_a_result_that_is_not_json_is_an_error(function):
    assert error_of(function("answer_what_json_cannot")).error_type == "Runtime.MarshalError"


def test_bytes_come_back_as_they_are(function):
    assert function("answer_bytes").invoke({}) == b"\x00\xff"


@pytest.mark.parametrize(
    ("status", "reason"),
    [(3, "Runtime exited with error: exit status 3"), (0, "Runtime exited without providing a reason")],
)
def test_a_process_that_exits_is_an_error_and_the_next_call_starts_cold(function, status, reason):
    sometimes = function("exit_when_told")
    assert [sometimes.invoke({}), sometimes.invoke({})] == [1, 2]
    error = error_of(sometimes, {"status": status})
    assert error.error_type == "Runtime.ExitError"
    assert error.message.endswith(reason)
    assert error.payload == {"errorType": error.error_type, "errorMessage": error.message}
    assert sometimes.invoke({}) == 1


def test_a_process_that_is_killed_under_an_invocation_is_an_error(function):
    asleep = function("sleep_when_told")
    asleep.invoke({})
    killer = threading.Timer(0.1, os.kill, (asleep.pid, signal.SIGKILL))
    killer.start()
    error = error_of(asleep, {"seconds": 600})
    killer.join()
    assert error.error_type == "Runtime.ExitError"
    assert error.message.endswith("signal: killed")
    assert asleep.invoke({}) == 1


def test_a_process_that_is_killed_while_it_is_frozen_is_replaced(function):
    count = function("count")
    count.invoke({})
    os.kill(count.pid, signal.SIGKILL)
    os.waitid(os.P_PID, count.pid, os.WEXITED | os.WNOWAIT)
    assert count.invoke({}) == 1


def test_an_answer_counts_also_when_the_process_dies_right_after_it(function):
    dying = function("exit_after_the_answer")
    assert dying.invoke({}) == "answered"
    assert dying.pid is None
    assert dying.invoke({}) == "answered"


def test_a_function_that_outlives_its_timeout_is_killed_and_the_next_call_starts_cold(function):
    slow = function("sleep_when_told", timeout=2)
    assert [slow.invoke({}), slow.invoke({})] == [1, 2]
    pid = slow.pid
    error = error_of(slow, {"seconds": 600})
    assert error.error_type == "Sandbox.Timedout"
    assert re.fullmatch(r"RequestId: [0-9a-f-]{36} Error: Task timed out after 2.00 seconds", error.message)
    assert not is_running(pid)
    assert slow.invoke({}) == 1


def test_what_a_function_started_dies_with_it(function, eventually):
    parent = function("start_a_child")
    child = parent.invoke({})
    assert is_running(child)
    parent.close()
    eventually(lambda: not is_running(child))


def test_a_module_that_cannot_be_imported_is_an_error_of_each_invocation(function):
    broken = function("broken_handlers.handle")
    for _ in range(2):
        error = error_of(broken)
        assert error.error_type == "Runtime.ImportModuleError"
        assert "there is no caf" in error.message
        assert broken.pid is None


def test_a_handler_that_does_not_exist_is_an_error(function):
    assert error_of(function("no_such_handler")).error_type == "Runtime.HandlerNotFound"


def test_a_process_that_exits_while_it_starts_is_an_error(function):
    error = error_of(function("exiting_handlers.handle"))
    assert error.error_type == "Runtime.ExitError"
    assert error.message.endswith("exit status 7")


@needs_proc
def test_a_process_is_frozen_between_invocations(function, eventually):
    tick = function("tick")
    for event in ({"start": True}, {}):
        tick.invoke(event)
        eventually(lambda: state(tick.pid) == "T")


@needs_proc
def test_without_freezing_its_threads_get_on(function, eventually):
    tick = function("tick", freeze=False)
    tick.invoke({"start": True})
    before = tick.invoke({})
    eventually(lambda: tick.invoke({}) > before + 100)
    assert state(tick.pid) != "T"


def test_invocations_from_several_threads_come_one_after_the_other(function):
    count = function("count")
    results = []
    threads = [threading.Thread(target=lambda: results.append(count.invoke({}))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_process_outlives_the_thread_that_started_it(function):
    count = function("count")
    thread = threading.Thread(target=count.invoke, args=({},))
    thread.start()
    thread.join()
    assert count.invoke({}) == 2


def test_the_log_has_what_all_its_processes_have_written(function):
    say = function("say")
    say.invoke({})
    os.kill(say.pid, signal.SIGKILL)
    os.waitid(os.P_PID, say.pid, os.WEXITED | os.WNOWAIT)
    say.invoke({})
    assert say.logs() == "to stdout\nto stderr\n" * 2


def test_a_closed_function_has_no_process_and_still_its_log(function):
    say = function("say")
    say.invoke({})
    pid = say.pid
    say.close()
    say.close()
    assert not is_running(pid)
    assert say.logs() == "to stdout\nto stderr\n"
    with pytest.raises(RuntimeError, match="closed"):
        say.invoke({})


def test_what_json_cannot_say_is_refused_before_anything_starts(function):
    echo = function("echo")
    with pytest.raises(TypeError):
        echo.invoke({"a": object()})
    assert echo.pid is None
