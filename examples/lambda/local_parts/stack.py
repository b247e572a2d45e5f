"""What one makes on AWS for the newsletter, made on loopback."""

import json
import os
import re
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_aws import Cloud, EventSource, Gateway, LambdaFunction, Scheduler, create_queue

# Of these, ONESHOT["LAMBDA_MARGIN_SECONDS"] keeps five back for the end of a call: tasks have two. With the fifteen
# minutes that Lambda allows, nobody would wait for the archive to take longer.
QUEUE_FUNCTION_SECONDS = 7
OTHER_FUNCTIONS_SECONDS = 30
HANDLERS = {name: f"django_tasks_oneshot.handlers.{name}.handler" for name in ("web", "tick", "queue")}

LOG_LINE = re.compile(r"\[\w+\]\t.*T(\d\d:\d\d:\d\d\.\d)\d*Z\t\S*\t(.*)")


@dataclass(frozen=True, kw_only=True)
class Stack:
    """All of it is running but the scheduler."""

    environment: dict[str, str]  # for all who use the project's settings
    url: str
    functions: dict[str, LambdaFunction]
    sqs: Any
    dead_letter_urls: list[str]
    ticks: list[dict[str, Any]] = field(default_factory=list, init=False)  # what the tick function has answered
    _lines_read: dict[str, int] = field(default_factory=dict, init=False)

    def scheduler(self, every: float) -> Scheduler:
        return Scheduler(lambda event: self.ticks.append(self.functions["tick"].invoke(event)), every)

    def request(self, path: str, form: dict[str, str] | None = None) -> dict[str, Any]:
        """Asks the site as a browser does; with a form, by POST."""
        data = None if form is None else urllib.parse.urlencode(form).encode()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.url}{path}", data, timeout=2 * OTHER_FUNCTIONS_SECONDS) as response:
            answer: dict[str, Any] = json.load(response)
        return answer

    def new_log_lines(self) -> list[str]:
        """What the functions have written since the last look, without levels and requests. On AWS: in CloudWatch."""
        found: list[tuple[str, str]] = []
        for name, function in self.functions.items():
            lines = [line for line in function.logs().splitlines(keepends=True) if line.endswith("\n")]
            time = ""
            for line in filter(str.strip, lines[self._lines_read.get(name, 0) :]):
                parts = LOG_LINE.match(line)
                time, text = parts.groups() if parts else (time, line.rstrip())
                if " state=" not in text:  # which is Django's own word on what the package says besides
                    found.append((time, f"{time:10} {name:5}  {text}"))
            self._lines_read[name] = len(lines)
        return [line for _, line in sorted(found, key=lambda each: each[0])]

    def count_dead_letters(self) -> int:
        name = "ApproximateNumberOfMessages"
        answers = [self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name]) for url in self.dead_letter_urls]
        return sum(int(answer["Attributes"][name]) for answer in answers)


@contextmanager
def open_stack(directory: Path) -> Iterator[Stack]:
    with ExitStack() as opened:
        cloud = opened.enter_context(Cloud())
        sqs = cloud.client("sqs")
        tasks, mail = (
            create_queue(
                sqs,
                name,
                visibility_timeout=6 * QUEUE_FUNCTION_SECONDS,  # as AWS advises
                dead_letter_queue=True,
                max_receive_count=10,
            )
            for name in ("tasks", "mail")
        )
        environment = {
            **cloud.environment,
            "DJANGO_SETTINGS_MODULE": "newsletter_lambda.settings",
            "NEWSLETTER_DATABASE": str(directory / "db.sqlite3"),
            "NEWSLETTER_TASKS_QUEUE_URL": tasks.url,
            "NEWSLETTER_MAIL_QUEUE_URL": mail.url,
        }
        functions = {
            name: opened.enter_context(
                LambdaFunction(
                    handler,
                    name=name,
                    timeout=QUEUE_FUNCTION_SECONDS if name == "queue" else OTHER_FUNCTIONS_SECONDS,
                    environment={**environment, "PYTHONPATH": os.pathsep.join(sys.path)},
                )
            )
            for name, handler in HANDLERS.items()
        }
        for queue in (tasks, mail):
            # One message at a time: behind one that takes all of a call's time, others would wait for the next.
            opened.enter_context(EventSource(sqs, queue.url, queue.arn, functions["queue"].invoke, batch_size=1))
        gateway = opened.enter_context(Gateway(functions["web"].invoke))
        yield Stack(
            environment=environment,
            url=gateway.url,
            functions=functions,
            sqs=sqs,
            dead_letter_urls=[queue.dead_letter_url for queue in (tasks, mail) if queue.dead_letter_url],
        )
