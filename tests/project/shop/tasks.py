from django_tasks_oneshot import task


@task
def noop():
    pass


@task
def add(a, b):
    return a + b


@task(max_attempts=3)
def fail():
    raise ValueError("no")
