from __future__ import annotations

from django_tasks_oneshot.backends.base import Claimant
from tests.project.shop import tasks


def test_a_queue_that_is_never_empty_keeps_nobody_from_the_next_one(use):
    """Both have too many tasks for one look."""
    backend = use()
    for name in ("default", "mail"):
        backend.enqueue_many([(tasks.add.using(queue_name=name), (1, 2), {})] * 200)
    store = backend.open_store(Claimant(worker_id="test"))
    seen = {claim.result.task.queue_name for _ in range(20) for claim in store.claim(1)}
    assert seen == {"default", "mail"}


def test_a_higher_priority_comes_first_all_the_same(use, queues):
    backend = use(high_priority_queue_urls=queues["high"].url)
    backend.enqueue_many([(tasks.add.using(priority=priority), (1, 2), {}) for priority in [0] * 10 + [1] * 10])
    store = backend.open_store(Claimant(worker_id="test"))
    assert [store.claim(1)[0].result.task.priority for _ in range(10)] == [1] * 10
