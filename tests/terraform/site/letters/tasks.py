from django_tasks_oneshot import Every, task


@task
def greet(name):
    return f"Hello {name}"


@task(schedule=Every(days=1))
def count_letters():
    return 0
