from collections.abc import Mapping
from typing import Any


class FunctionError(Exception):
    """A function did not answer with a result.

    ``payload`` is Lambda's answer: ``errorType`` and ``errorMessage``, and for an exception its ``stackTrace``.
    """

    def __init__(self, error_type: str, message: str, payload: Mapping[str, Any]) -> None:
        super().__init__(f"{error_type}: {message}")
        self.error_type = error_type
        self.message = message
        self.payload = payload


def platform_error(error_type: str, request_id: str, reason: str) -> FunctionError:
    """What Lambda itself has to say of an invocation."""
    message = f"RequestId: {request_id} Error: {reason}"
    return FunctionError(error_type, message, {"errorType": error_type, "errorMessage": message})
