from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DEMO = Path(__file__).parents[2] / "examples" / "crontab" / "demo.py"


def test_the_demo_sees_a_retry_and_a_schedule():
    done = subprocess.run([sys.executable, DEMO], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Attempt 3 of the welcome succeeded" in done.stdout
    assert "count_deliveries came due" in done.stdout
