"""Where a session keeps what happened. It stays where that was wrong."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from . import ledger


def make() -> Path:
    """Has this process, and the runs that it starts, write their ledger there."""
    directory = Path(tempfile.mkdtemp(prefix="chaos-"))
    os.environ[ledger.LEDGER] = str(directory / "ledger")
    return directory


def leave(directory: Path, *, is_right: bool) -> None:
    if is_right:
        shutil.rmtree(directory)
    else:
        print(f"What happened is in {directory}", file=sys.stderr)
