"""Loops that go on where an attempt before has stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from zlib import crc32

from asgiref.sync import sync_to_async

from .exceptions import ContinueLater
from .places import Places
from .progress import OTHER_LOOPS, Progress

CLOSING_TURNS = 3  # of the event loop, which closes what was left by a break
FORGET = 0.9  # the longest item counts for this much less with each item after it


def resume(progress: Progress, places: Places, checkpoint_every: float) -> Iterator[Any]:
    with Loop(progress, places.over, checkpoint_every) as loop:
        if loop.is_over:
            return
        for item, place in places.after(loop.cursor, progress.clock):
            if loop.must_stop():
                loop.save()
                raise ContinueLater
            loop.begin_item()
            yield item
            progress.check_item()
            if loop.end_item(place):
                loop.save()
        loop.finish()
        loop.save()


async def aresume(progress: Progress, places: Places, checkpoint_every: float) -> AsyncIterator[Any]:
    for _ in range(CLOSING_TURNS):
        if progress.is_in_loop:
            await asyncio.sleep(0)
    with Loop(progress, places.over, checkpoint_every) as loop:
        if loop.is_over:
            return
        save = sync_to_async(loop.save)
        async for item, place in places.aafter(loop.cursor, progress.clock):
            if loop.must_stop():
                await save()
                raise ContinueLater
            loop.begin_item()
            yield item
            if loop.end_item(place):
                await save()
        loop.finish()
        await save()


class Loop:
    """One loop of a task: how far it is, when that is to be written, when to stop.

    The loops of a task are told apart by their order. Those before the checkpoint's are over.
    """

    def __init__(self, progress: Progress, over: str, checkpoint_every: float) -> None:
        if progress.is_in_loop:
            raise RuntimeError(
                "A loop of resume() began when another one was not over, and only one at a time can be continued; "
                "write a plain loop inside of it, or enqueue a task for each of its items."
            )
        self.progress = progress
        self.checkpoint = before = progress.checkpoint
        self.over = over
        self.every = checkpoint_every
        self.longest_item = 0.0  # seconds
        self.has_items = False  # that this attempt has done
        self.began_item = self.saved_at = progress.clock()
        number, mark = progress.loops, progress.mark
        progress.loops, progress.mark = number + 1, crc32(over.encode(), mark)
        if number > before.loops:  # the loop before was left by a break
            self._go_to(number, mark)
        if number == before.loops and (mark != before.mark or before.over not in ("", over)):
            raise ValueError(f"resume(): a loop over {over} where others were. {OTHER_LOOPS}")
        self.is_over = number < before.loops

    def __enter__(self) -> Loop:
        self.progress.is_in_loop = True
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.progress.is_in_loop = False

    @property
    def cursor(self) -> Any:
        return self.checkpoint.cursor

    def must_stop(self) -> bool:
        """Not before one item was done: else a task that starts late, again and again, would never come further."""
        return self.has_items and self.progress.should_stop(self.longest_item)

    def begin_item(self) -> None:
        self.began_item = self.progress.clock()

    def end_item(self, place: Any) -> bool:
        """Whether it is time to write how far the loop is."""
        now = self.progress.clock()
        self.longest_item = max(now - self.began_item, FORGET * self.longest_item)
        self.has_items = True
        self.checkpoint.over, self.checkpoint.cursor = self.over, place
        return now - self.saved_at >= self.every

    def save(self) -> None:
        self.progress.save()
        self.saved_at = self.progress.clock()

    def finish(self) -> None:
        self._go_to(self.progress.loops, self.progress.mark)

    def _go_to(self, loops: int, mark: int) -> None:
        self.checkpoint.loops, self.checkpoint.mark = loops, mark
        self.checkpoint.over, self.checkpoint.cursor = "", None
