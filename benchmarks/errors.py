from __future__ import annotations


class BenchmarkError(Exception):
    """What was to be measured could not be, or is not what it should be."""
