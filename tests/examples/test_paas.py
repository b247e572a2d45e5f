from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.local_aws.processes import needs_proc, started_by

EXAMPLE = Path(__file__).parents[2] / "examples" / "paas"
LOCAL = EXAMPLE / "local.py"


def test_two_hosts_start_runs_end_them_and_kill_one_and_no_work_is_lost_or_done_twice():
    done = subprocess.run([sys.executable, LOCAL], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "    Scalingo Scheduler: --max-seconds 565 --grace-seconds 25\n" in done.stdout
    assert "Attempt 1 of the welcome failed: ConnectionRefusedError" in done.stdout
    assert "Attempt 3 of the welcome succeeded" in done.stdout
    assert "count_deliveries came due" in done.stdout
    assert "It has exited with 0. The next run goes on after article" in done.stdout
    assert "each exactly once so far: it went on where the run before it had stopped." in done.stdout
    assert "this run has claimed the archive, and done the rest of it." in done.stdout
    assert "    401\n    -> It is refused, and nothing has run.\n" in done.stdout
    assert "50 issues are sent. How often their tasks were run: 50 once.\n" in done.stdout


def start(directory):
    """``local.py``, with all that it makes in this directory."""
    environment = {**os.environ, "TMPDIR": str(directory)}
    return subprocess.Popen([sys.executable, LOCAL], env=environment, stdout=subprocess.PIPE, text=True)


@needs_proc
@pytest.mark.parametrize(
    ("number", "line"),
    [
        pytest.param(signal.SIGINT, "$ python manage.py run_due_tasks", id="a run starts"),
        pytest.param(signal.SIGTERM, "The host sends SIGTERM", id="a run ends"),
        pytest.param(signal.SIGINT, "$ curl 'http://127.0.0.1", id="the site is called"),
    ],
)
def test_a_demo_that_is_interrupted_leaves_nothing_behind(tmp_path, number, line, eventually):
    with start(tmp_path) as demo:
        assert any(line in each for each in iter(demo.stdout.readline, ""))
        demo.send_signal(number)
        assert demo.stdout.read().endswith("Stopped.\n")
        assert demo.wait(60) == 128 + signal.SIGINT
    eventually(lambda: started_by(tmp_path) == [])
    assert list(tmp_path.iterdir()) == []


def manage(*arguments, **environment):
    return subprocess.run(
        [sys.executable, EXAMPLE / "manage.py", *arguments],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "newsletter_paas.settings", **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("host", ["scalingo", "vercel"])
def test_its_files_are_as_the_command_writes_them(host):
    done = manage("scheduler_config", host, "--check")
    assert done.returncode == 0, done.stderr


def test_the_settings_pass_all_checks():
    done = manage("check", "--fail-level", "WARNING", TICK_SECRET="correct-horse-battery-staple")
    assert done.returncode == 0, done.stderr
