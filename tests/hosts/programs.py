"""Stand-ins for programs, which write down how they were called."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

RECORD = """\
#!{python} -IS
import json, os, sys
with open({calls!r}, "a") as calls:
    print(json.dumps([[os.path.basename(sys.argv[0]), *sys.argv[1:]], sys.stdin.read()]), file=calls)
"""

MANAGE = """\
import json, os, sys
with open("seen.json", "w") as seen:
    json.dump({"arguments": sys.argv[1:], "environment": dict(os.environ), "python": sys.executable}, seen)
print("printed", flush=True)
print("an error", file=sys.stderr)
"""


class Call(NamedTuple):
    words: list[str]
    stdin: str


class Programs:
    """Whoever runs here finds these programs, and the system's own are not there: nothing can leave the machine."""

    def __init__(self, directory: Path, *names: str) -> None:
        self._calls = directory / "calls"
        self._directory = directory / "bin"
        self._directory.mkdir()
        for name in names:
            path = self._directory / name
            path.write_text(RECORD.format(python=sys.executable, calls=str(self._calls)))
            path.chmod(0o755)

    def run(self, script: str, *, shell: str = "/bin/sh", **environment: str) -> list[Call]:
        """What was called, in its order."""
        subprocess.run(
            [shell, "-eu", "-c", script],
            env={"PATH": str(self._directory), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
        return [Call(*json.loads(line)) for line in self._calls.read_text().splitlines()]


class Site:
    """A project whose manage.py writes down what it was told."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.directory = directory
        self.python = directory / "python"
        self.python.symlink_to(sys.executable)
        (directory / "manage.py").write_text(MANAGE)

    def seen(self) -> dict:
        return json.loads((self.directory / "seen.json").read_text())
