from time import perf_counter

from django.tasks import task

from .models import Item


@task
def noop():
    pass


@task(takes_context=True)
def loop(context, *, resumes, step_seconds):
    """Tells how long the loop took, from before the first row to after the last one."""
    items = Item.objects.order_by("pk")
    rows = context.resume(items, key="pk") if resumes else items.iterator()
    count = 0
    began = perf_counter()
    for _ in rows:
        if step_seconds:
            be_busy(step_seconds)
        count += 1
    return {"rows": count, "seconds": perf_counter() - began}


def be_busy(seconds):
    """Exactly that long: a sleep takes longer than it was told to, the more so on a machine with other work to do."""
    end = perf_counter() + seconds
    while perf_counter() < end:
        pass
