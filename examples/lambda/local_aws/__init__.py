"""The parts of AWS around a Lambda function, on loopback: for this example's script, and for tests."""

from .cloud import ENVIRONMENT, Cloud, Queue, create_queue

__all__ = [
    "ENVIRONMENT",
    "Cloud",
    "Queue",
    "create_queue",
]
