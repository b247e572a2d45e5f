from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DEMO = Path(__file__).parents[2] / "examples" / "crontab" / "demo.py"


def test_the_demo_sees_a_retry_a_schedule_and_a_task_of_several_runs():
    done = subprocess.run([sys.executable, DEMO], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Attempt 3 of the welcome succeeded" in done.stdout
    assert "count_deliveries came due" in done.stdout
    assert "The run's time is over, the task continues in the next run after article" in done.stdout
    assert "2,500 of 2,500 articles are done." in done.stdout
    assert "How often each article was done:\n    2,500 articles  1 time\n" in done.stdout
