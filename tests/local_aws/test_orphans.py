from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .processes import is_running

ROOT = Path(__file__).parents[2]
SCRIPT = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(ROOT / "examples" / "lambda")!r})
from local_aws import Cloud, LambdaFunction

function = LambdaFunction("handlers.echo", environment={{}}, timeout=60, directory=Path({str(Path(__file__).parent)!r}))
function.invoke({{}})
cloud = Cloud()
print(function.pid, cloud.pid, flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
@pytest.mark.parametrize("is_killed", [True, False], ids=["killed", "closes nothing"])
def test_nothing_outlives_the_process_that_started_it(is_killed, eventually):
    end = "sys.stdin.read()" if is_killed else ""
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT + end], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as script:
        pids = [int(pid) for pid in script.stdout.readline().split()]
        if is_killed:
            script.kill()
        script.wait(60)
    assert len(pids) == 2
    eventually(lambda: not any(is_running(pid) for pid in pids))
