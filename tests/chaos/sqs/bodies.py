"""Bodies of messages that no task can be made of."""

from __future__ import annotations

import base64
import gzip
import json
import pickle
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from random import Random

from django.core.signing import Signer, TimestampSigner, dumps

SALT = "django_tasks_oneshot.sqs"  # of what is signed, as all of its form: written down here, not imported
FORGED = "forged"  # how ids begin that nobody may ever see at work
HUGE = 256 * 1024
DEEP = 100_000


class Bodies:
    """Each one is another; ``witness`` is a file that is made when one of them is believed."""

    def __init__(self, random: Random, witness: Path) -> None:
        self.random = random
        self.witness = witness
        self.numbers = count()
        self.kinds: Sequence[Callable[[], str]] = [
            self.nonsense,
            self.binary,
            self.no_task,
            self.unsigned,
            self.signed_by_others,
            self.signed_otherwise,
            self.changed,
            self.of_another_version,
            self.of_another_backend,
            self.signed_nonsense,
            self.huge,
            self.deep,
        ]

    def __iter__(self) -> Iterator[str]:
        while True:
            for kind in self.kinds:
                yield f"{kind()}"

    def nonsense(self) -> str:
        words = ["null", "[]", "{}", "0", '"', "task", "{{", "<xml/>", ":", "a:b", "\t\r\n", "\u20ac\U0001f4a3\ufffd"]
        return f"{self.random.choice(words)} {next(self.numbers)}"

    def binary(self) -> str:
        data = gzip.compress(self.random.randbytes(64)) + pickle.dumps(next(self.numbers))
        if self.random.random() < 0.5:
            return base64.b64encode(data).decode()
        # SQS takes no other control characters, and no surrogates.
        return "".join(chr(0x80 + byte) for byte in data)

    def no_task(self) -> str:
        """What other programs send to a queue."""
        event = {"Type": "Notification", "MessageId": str(next(self.numbers)), "Message": "{}", "args": None}
        celery = {"body": "W1tdLCB7fSwge31d", "headers": {"task": "tasks.add", "id": str(next(self.numbers))}}
        return json.dumps(self.random.choice([event, celery]))

    def unsigned(self) -> str:
        return json.dumps(self._task())

    def signed_by_others(self) -> str:
        return Signer(key="another SECRET_KEY", salt=SALT).sign(json.dumps(self._task()))

    def signed_otherwise(self) -> str:
        """With this project's key, and for another purpose."""
        body = json.dumps(self._task())
        ways = [
            Signer().sign,
            Signer(salt="session").sign,
            TimestampSigner(salt=SALT).sign,
            lambda _: dumps(self._task()),
        ]
        return self.random.choice(ways)(body)

    def changed(self) -> str:
        """A signature that belongs to another message."""
        body, _, signature = self._signed(self._task()).rpartition(":")
        return f"{body[:-1]} }}:{signature}"

    def of_another_version(self) -> str:
        changes = self.random.choice([{"v": 2}, {"v": 0}, {"v": "1"}, {"v": None}, {"from_a_later_release": 1}])
        return self._signed({**self._task(), **changes})

    def of_another_backend(self) -> str:
        return self._signed({**self._task(), "backend": "another"})

    def signed_nonsense(self) -> str:
        """What another release of this package might have signed."""
        task = self._task()
        without_version = {name: value for name, value in task.items() if name != "v"}
        contents = [
            without_version,
            {**task, "enqueued_at": "now"},
            {**task, "enqueued_at": 5},
            [next(self.numbers)],
            None,
        ]
        return self._signed(self.random.choice(contents), next(self.numbers))

    def huge(self) -> str:
        return (
            self._signed({**self._task(), "v": 2, "args": ["x" * HUGE]})
            if self.random.random() < 0.5
            else "y" * HUGE + str(next(self.numbers))
        )

    def deep(self) -> str:
        body = "[" * DEEP + str(next(self.numbers)) + "]" * DEEP
        return Signer(salt=SALT).sign(body) if self.random.random() < 0.5 else body

    def _task(self) -> dict[str, object]:
        system = {"path": "os.system", "args": [f"touch {self.witness}"]}
        work = {"path": "tests.chaos.tasks.work", "kwargs": {"seconds": 0}}
        return {
            "v": 1,
            "backend": "default",
            "id": f"{FORGED}-{next(self.numbers)}",
            "queue_name": "default",
            **self.random.choice([system, work]),
        }

    def _signed(self, content: object, number: int | None = None) -> str:
        text = json.dumps(content)
        return Signer(salt=SALT).sign(text if number is None else f"{text}{' ' * number}")
