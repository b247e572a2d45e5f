"""What all parts of the demo need besides the crontab example's stage: to ask the site, and to wait."""

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from django.utils import timezone

from demo_parts import stage
from demo_parts.stage import DemoFailed, clock, notice, seconds_left

from .stack import Stack

PROJECT = Path(__file__).resolve().parents[1]
SECONDS_BETWEEN_LOOKS = 0.1


def manage(*arguments: str) -> None:
    stage.manage(*arguments, project=PROJECT)


def get(stack: Stack, path: str) -> dict[str, Any]:
    return request(stack, path, None)


def post(stack: Stack, path: str, **form: str) -> dict[str, Any]:
    return request(stack, path, form)


def request(stack: Stack, path: str, form: dict[str, str] | None) -> dict[str, Any]:
    options = "" if form is None else f"-d '{'&'.join(f'{name}={value}' for name, value in form.items())}' "
    print(f"{clock(timezone.now())} $ curl {options}{stack.url}{path}", flush=True)
    try:
        answer = stack.request(path, form)
    except OSError as error:  # with another status than 2xx, too
        raise DemoFailed(f"{stack.url}{path} did not answer as it should: {error}.") from error
    print(f"    {json.dumps(answer)}", flush=True)
    return answer


def watch(stack: Stack, look: Callable[[], Iterable[str]], until: Callable[[], bool]) -> None:
    """Shows what the functions write, and what ``look`` finds to notice. Gives up when the demo's time is over."""
    is_over = False
    while not is_over and seconds_left() > 0:
        texts = list(look())
        is_over = until()
        time.sleep(SECONDS_BETWEEN_LOOKS)  # of what is in the database, the log tells a moment later
        tell_logs(stack)
        for text in texts:
            notice(text)


def tell_logs(stack: Stack) -> None:
    for line in stack.new_log_lines():
        print(line, flush=True)
