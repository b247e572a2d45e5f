from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.local_aws.processes import needs_proc, started_by

EXAMPLE = Path(__file__).parents[2] / "examples" / "lambda"
LOCAL = EXAMPLE / "local.py"


def test_a_local_lambda_runs_what_was_enqueued_by_a_request_retried_scheduled_sent_and_resumed():
    done = subprocess.run([sys.executable, LOCAL], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "That message has started the queue function: no tick has come yet." in done.stdout
    assert "Attempt 1 of the welcome failed: ConnectionRefusedError" in done.stdout
    assert "Attempt 3 of the welcome succeeded" in done.stdout
    assert "The schedule of count_deliveries came due: a tick enqueued it, the queue function ran it" in done.stdout
    assert "Sent: 1 of 1. Rows of these tasks in the database: 0." in done.stdout
    assert "The call's time is over: it has sent another message, and the next call goes on." in done.stdout
    assert "How often each article was done:\n    2,500 articles  1 time\n" in done.stdout
    assert '{"subscribers": 1, "messages": 2, "searchable articles": 2500}' in done.stdout


def start(directory, *arguments):
    """``local.py``, with all that it makes in this directory."""
    environment = {**os.environ, "TMPDIR": str(directory)}
    return subprocess.Popen([sys.executable, LOCAL, *arguments], env=environment, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def served(tmp_path):
    with subprocess.Popen(
        [sys.executable, LOCAL, "--serve"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_interrupted_and_leaves_nothing_behind(served, tmp_path, number, eventually):
    lines = iter(served.stdout.readline, "")
    url = next(found[1] for line in lines if (found := re.search(r"curl (http://127\.0\.0\.1:\d+/)$", line)))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url}subscribe/", b"email=ada@example.com", timeout=60) as response:
        assert "welcome_task_id" in json.load(response)
    assert any("send_welcome failed and is tried again" in line for line in lines)
    assert len(started_by(tmp_path)) == 5  # itself, moto and three functions
    served.send_signal(number)
    assert served.stdout.read().endswith("Stopped.\n")
    assert served.wait(60) == 0
    eventually(lambda: started_by(tmp_path) == [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("seconds", [0.3, 2, 4])
def test_a_demo_that_is_interrupted_leaves_nothing_behind(tmp_path, seconds, eventually):
    with start(tmp_path) as demo:
        assert demo.stdout.readline().startswith("A newsletter on AWS Lambda")
        with pytest.raises(subprocess.TimeoutExpired):
            demo.wait(seconds)
        demo.send_signal(signal.SIGINT)
        assert demo.stdout.read().endswith("Stopped.\n")
        assert demo.wait(60) == 128 + signal.SIGINT
    eventually(lambda: started_by(tmp_path) == [])
    assert list(tmp_path.iterdir()) == []


def test_the_settings_pass_all_checks():
    account = "https://sqs.eu-west-1.amazonaws.com/123456789012"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "newsletter_lambda.settings",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "NEWSLETTER_TASKS_QUEUE_URL": f"{account}/tasks",
        "NEWSLETTER_MAIL_QUEUE_URL": f"{account}/mail",
    }
    done = subprocess.run(
        [sys.executable, EXAMPLE / "manage.py", "check", "--fail-level", "WARNING"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
