"""The example under Debian's cron, for three minutes."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from pathlib import Path

import pytest

from .cron_host import cron_host, missing

MANAGE = Path(__file__).parents[2] / "examples" / "crontab" / "manage.py"
MINUTES = 3
OTHERS = """\
# what somebody else wrote
MAILTO=others@example.com
* * * * * echo other line: 100\\%
"""

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=f"{', '.join(missing())} not found: apt-get install cron util-linux"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can start cron"),
]


@pytest.fixture
def host(tmp_path):
    tmp_path.chmod(0o755)
    with cron_host(tmp_path) as host:
        yield host


@pytest.fixture
def manage(host, tmp_path):
    """The example's ``manage.py``, as its owner types it."""
    environment = {**os.environ, "NEWSLETTER_DATABASE": str(tmp_path / "db.sqlite3")}
    environment.pop("DJANGO_SETTINGS_MODULE", None)

    def manage(*arguments):
        return host.run(sys.executable, str(MANAGE), *arguments, env=environment)

    manage("migrate", "-v", "0")
    return manage


def rows(tmp_path, sql):
    with sqlite3.connect(f"file:{tmp_path}/db.sqlite3?mode=ro", uri=True) as database:
        found = database.execute(sql).fetchall()
    database.close()
    return found


def test_a_line_that_was_installed_runs_each_minute_and_mails_whom_it_should(host, manage, tmp_path):
    host.run("crontab", "-", text=OTHERS)
    variables = tmp_path / "secrets of 100%.env"
    variables.write_text(f"NEWSLETTER_DATABASE='{tmp_path}/db.sqlite3'\n")
    install = ("scheduler_config", "crontab", "--install", "--no-input", "--env-file", str(variables))
    shown = manage(*install, "--mailto", "me@example.com")
    crontab = host.run("crontab", "-l")
    assert crontab.startswith(OTHERS)
    assert all(f"+{line}\n" in shown for line in crontab.removeprefix(OTHERS).splitlines())
    assert manage(*install, "--mailto", "me@example.com") == "The crontab needs no change.\n"
    assert host.run("crontab", "-l") == crontab

    manage("subscribe", "ada@example.com")
    with host.cron():
        time.sleep(60 * MINUTES)
        give_up = time.monotonic() + 60 * MINUTES
        while not is_welcomed(tmp_path) and time.monotonic() < give_up:
            time.sleep(1)
        time.sleep(10)  # for the mail of the last run

    # The mail server refuses the first two messages, and each retry waits for the next minute.
    assert is_welcomed(tmp_path)
    attempts = rows(
        tmp_path,
        "SELECT a.worker_id, strftime('%H:%M', a.started_at) FROM django_tasks_oneshot_attempt a JOIN "
        "django_tasks_oneshot_storedtask t ON t.id = a.task_id WHERE t.task_path LIKE '%send_welcome'",
    )
    workers, minutes = zip(*attempts, strict=True)
    assert len(attempts) == len(set(workers)) == len(set(minutes)) == MINUTES
    ours = [mail for mail in host.mails() if "To: me@example.com" in mail]
    assert len(ours) >= MINUTES
    assert any("1 failed and will be retried" in mail for mail in ours)
    theirs = [mail for mail in host.mails() if "To: others@example.com" in mail]
    assert len(theirs) >= MINUTES
    assert all(mail.endswith("other line: 100%\n") for mail in theirs)
    assert len(host.mails()) == len(ours) + len(theirs)

    manage("scheduler_config", "crontab", "--remove", "--no-input")
    assert host.run("crontab", "-l") == OTHERS


def is_welcomed(tmp_path):
    return rows(tmp_path, "SELECT 1 FROM newsletter_delivery WHERE accepted AND subject = 'Welcome!'") != []


def test_crontab_refuses_what_it_cannot_read_and_keeps_the_old_one(host, manage):
    host.run("crontab", "-", text=OTHERS)
    process = host.start("sh", "-c", "echo '61 * * * * run' | crontab -")
    _, stderr = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "errors in crontab file" in stderr
    assert host.run("crontab", "-l") == OTHERS
