"""The parts of AWS around a Lambda function, on loopback: for this example's script, and for tests."""

from .cloud import ENVIRONMENT, Cloud, Queue, create_queue
from .errors import FunctionError
from .event_source import EventSource
from .function import LambdaFunction
from .gateway import Gateway
from .scheduler import Scheduler

__all__ = [
    "ENVIRONMENT",
    "Cloud",
    "EventSource",
    "FunctionError",
    "Gateway",
    "LambdaFunction",
    "Queue",
    "Scheduler",
    "create_queue",
]
