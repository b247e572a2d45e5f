"""What can be kept of a task's arguments, its return value and its checkpoint: JSON, of a size that a store holds."""

from __future__ import annotations

import json
from typing import Any

from ..compat import normalize_json
from .exceptions import UnstorableValue

LARGEST_JSON = 4 * 1024 * 1024  # bytes; MariaDB refuses statements over 16 MB, and quoting may double a value


def to_json(value: Any) -> str:
    """Raises ``UnstorableValue`` where ``value`` has no JSON form, or one that is too large."""
    try:
        text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise UnstorableValue(f"the value has no JSON form: {error}") from error
    if len(text) > LARGEST_JSON:
        raise UnstorableValue(
            f"the value is {len(text):,} bytes of JSON, and at most {LARGEST_JSON:,} are kept; "
            "store it elsewhere and pass its key"
        )
    return text


def json_value(value: Any) -> Any:
    """``value`` as it will be read back when it was kept; raises ``UnstorableValue``."""
    try:
        normal = normalize_json(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise UnstorableValue(f"the value has no JSON form: {error}") from error
    return json.loads(to_json(normal))
