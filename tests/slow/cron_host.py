"""Debian's cron, with a spool, a crontab of the system and a mail program that nobody else sees."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NEEDED = ("cron", "crontab", "unshare", "nsenter")

# In a mount namespace of its own. cron mails by /usr/sbin/sendmail, whatever is there.
SET_UP = """
set -e
mount --make-rprivate /
cp /usr/sbin/cron {directory}/cron
mount -t tmpfs tmpfs /var/spool/cron && mkdir /var/spool/cron/crontabs
chgrp crontab /var/spool/cron/crontabs && chmod 1730 /var/spool/cron/crontabs
mount -t tmpfs tmpfs /etc/cron.d && mount --bind /dev/null /etc/crontab
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /usr/sbin && cp {directory}/sendmail /usr/sbin/sendmail
echo ready
exec sleep infinity
"""
SENDMAIL = """#!/bin/sh
exec cat > {directory}/mails/$(date +%s%N)
"""


class CronHost:
    def __init__(self, directory: Path, holder: subprocess.Popen[str]) -> None:
        self.directory = directory
        self.holder = holder

    def start(self, *command: str, **options) -> subprocess.Popen[str]:
        inside = ["nsenter", "--mount", f"--target={self.holder.pid}", "--", *command]
        return subprocess.Popen(inside, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def run(self, *command: str, text: str | None = None, **options) -> str:
        process = self.start(*command, stdin=subprocess.PIPE, **options)
        stdout, stderr = process.communicate(text, timeout=120)
        assert process.returncode == 0, stderr
        return stdout

    @contextmanager
    def cron(self) -> Iterator[None]:
        with self.start(f"{self.directory}/cron", "-f") as process:
            try:
                yield
            finally:
                process.kill()

    def mails(self) -> list[str]:
        return [path.read_text() for path in sorted((self.directory / "mails").iterdir())]


@contextmanager
def cron_host(directory: Path) -> Iterator[CronHost]:
    (directory / "mails").mkdir()
    (directory / "sendmail").write_text(SENDMAIL.format(directory=directory))
    (directory / "sendmail").chmod(0o755)
    command = ["unshare", "--mount", "sh", "-c", SET_UP.format(directory=directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as holder:
        try:
            said = holder.stdout.readline()
            assert said == "ready\n", said + holder.stdout.read()
            yield CronHost(directory, holder)
        finally:
            holder.kill()


def missing() -> list[str]:
    return [name for name in NEEDED if shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin") is None]
