"""Real database servers on loopback, for tests and benchmarks.

    python -m tests.servers postgresql -- pytest        runs pytest against a PostgreSQL of its own

The server lives in a temporary directory on a free port, and is gone when the command ends. As root it
runs as the user that the distribution's package made for it: neither server runs as root.

Beside each of them runs moto's SQS, at ONESHOT_SQS, and the command's environment knows no other AWS.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

DATABASES = ("oneshot", "oneshot_second")
POSTGRESQL_BIN = [*Path("/usr/lib/postgresql").glob("*/bin"), Path("/usr/local/bin")]


class MissingServer(Exception):
    """The server's programs are not installed."""


# Not durable: what is committed outlasts a kill of the server, and not the loss of its machine. Tests commit a lot, and
# half of their time would be the disk's.


@contextmanager
def sqlite(*, durable: bool = True) -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory(prefix="oneshot-") as directory:
        yield {"ONESHOT_ENGINE": "sqlite3", "ONESHOT_DATABASE": f"{directory}/db.sqlite3"}


@dataclass(kw_only=True)
class Server:
    """A server whose files stay when it stops, so that it can be started again."""

    engine: str
    command: list[str]
    user: str | None
    home: str
    port: int
    stop_signal: int
    crash_signal: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {"ONESHOT_ENGINE": self.engine, "ONESHOT_USER": "oneshot", "ONESHOT_PORT": str(self.port)}

    def start(self) -> None:
        """Does nothing where it runs."""
        if self.process is not None:
            return
        log = Path(self.home, "log")
        with log.open("a") as file:
            self.process = subprocess.Popen(
                self.command, user=self.user, group=self.user, cwd=self.home, stdout=file, stderr=file
            )
        _wait_for(self.port, self.process, log)

    def stop(self) -> None:
        """As for maintenance: clients are sent away, what is committed is on the disk."""
        self._end(self.stop_signal)

    def crash(self) -> None:
        """Without a word to its clients, and the next start has to recover its files."""
        self._end(self.crash_signal)

    def _end(self, number: int) -> None:
        if self.process is None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


@contextmanager
def postgresql(*, durable: bool = True) -> Iterator[dict[str, str]]:
    with postgresql_server(durable=durable) as server:
        yield server.environment


@contextmanager
def postgresql_server(*, durable: bool = True) -> Iterator[Server]:
    initdb, postgres = _program("initdb", *POSTGRESQL_BIN), _program("postgres", *POSTGRESQL_BIN)
    with _home("postgres") as (home, user):
        _run([initdb, "-D", f"{home}/data", "-U", "oneshot", "-A", "trust", "-E", "UTF8"], user, home)
        port = _free_port()
        command = [postgres, "-D", f"{home}/data", "-p", str(port), "-k", home, "-c", "listen_addresses=127.0.0.1"]
        server = Server(
            engine="postgresql",
            command=[*command, "-c", "max_connections=200", "-c", f"fsync={'on' if durable else 'off'}"],
            user=user,
            home=home,
            port=port,
            stop_signal=signal.SIGINT,  # "fast shutdown"; SIGTERM would wait for the clients
            crash_signal=signal.SIGQUIT,  # "immediate shutdown"
        )
        with _running(server):
            for name in DATABASES:
                _run([_program("createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", "oneshot", name], user, home)
            yield server


@contextmanager
def mysql(*, durable: bool = True) -> Iterator[dict[str, str]]:
    with mysql_server(durable=durable) as server:
        yield server.environment


@contextmanager
def mysql_server(*, durable: bool = True) -> Iterator[Server]:
    mariadbd, install = _program("mariadbd", Path("/usr/sbin")), _program("mariadb-install-db")
    with _home("mysql") as (home, user):
        data = f"--datadir={home}/data"
        _run([install, "--no-defaults", data, "--auth-root-authentication-method=normal"], user, home)
        port = _free_port()
        options = [f"--socket={home}/socket", f"--port={port}", "--bind-address=127.0.0.1", f"--pid-file={home}/pid"]
        options += ["--max-connections=200", f"--innodb-flush-log-at-trx-commit={1 if durable else 2}"]
        server = Server(
            engine="mysql",
            command=[mariadbd, "--no-defaults", data, *options],
            user=user,
            home=home,
            port=port,
            stop_signal=signal.SIGTERM,
            crash_signal=signal.SIGKILL,
        )
        with _running(server):
            sql = "CREATE USER oneshot@'127.0.0.1'; GRANT ALL ON *.* TO oneshot@'127.0.0.1';"
            sql += "".join(f"CREATE DATABASE {name} CHARACTER SET utf8mb4;" for name in DATABASES)
            _run([_program("mariadb"), "--no-defaults", "-uroot", f"--socket={home}/socket", "-e", sql], user, home)
            yield server


@contextmanager
def sqs() -> Iterator[dict[str, str]]:
    with local_aws().Cloud() as cloud:
        yield {"ONESHOT_SQS": cloud.url, **cloud.environment}


def local_aws() -> ModuleType:
    if importlib.util.find_spec("moto") is None:
        raise MissingServer("moto was not found; pip install 'moto[server]'")
    examples = str(Path(__file__).parents[1] / "examples" / "lambda")
    if examples not in sys.path:
        sys.path.insert(0, examples)
    import local_aws

    return local_aws


SERVERS = {"sqlite": sqlite, "postgresql": postgresql, "mysql": mysql}
RESTARTABLE = {"postgresql": postgresql_server, "mysql": mysql_server}


def _program(name: str, *directories: Path) -> str:
    found = shutil.which(name, path=os.pathsep.join([*map(str, directories), os.environ.get("PATH", os.defpath)]))
    if found is None:
        raise MissingServer(f"{name} was not found; apt-get install postgresql mariadb-server")
    return found


@contextmanager
def _home(package_user: str) -> Iterator[tuple[str, str | None]]:
    """A directory for the server's files, and the user to run it as (None: this one)."""
    user = package_user if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="oneshot-", ignore_cleanup_errors=True) as home:
        if user is not None:
            entry = pwd.getpwnam(user)
            os.chown(home, entry.pw_uid, entry.pw_gid)
        yield home, user


def _run(command: list[str], user: str | None, home: str) -> None:
    done = subprocess.run(command, user=user, group=user, cwd=home, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


@contextmanager
def _running(server: Server) -> Iterator[None]:
    try:
        server.start()
        yield
    finally:
        server.stop()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            time.sleep(0.5)  # it listens a moment before it lets anybody in
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"The server did not start:\n{log.read_text()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def without_aws(environment: Mapping[str, str]) -> dict[str, str]:
    """A profile, a session or an endpoint of the caller's would be used in spite of these."""
    return {name: value for name, value in environment.items() if not name.startswith("AWS_")}


def main() -> int:
    name, separator, *command = sys.argv[1:]
    if separator != "--" or name not in SERVERS:
        print(f"usage: python -m tests.servers {{{','.join(SERVERS)}}} -- COMMAND ...", file=sys.stderr)
        return 2
    try:
        with sqs() as queues, SERVERS[name](durable=False) as database:
            environment = {**without_aws(os.environ), **database, **queues}
            return subprocess.run(command, env=environment).returncode
    except MissingServer as missing:
        print(f"{name}: {missing}", file=sys.stderr)
        if os.environ.get("CI") == "true":
            return 1
        print(f"SKIPPED {name}: under CI=true this would be an error.", file=sys.stderr)
        return 0


if __name__ == "__main__":
    sys.exit(main())
