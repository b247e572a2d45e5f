from __future__ import annotations


class BundleError(Exception):
    """There can be no such bundle. The message says what to do about it."""
