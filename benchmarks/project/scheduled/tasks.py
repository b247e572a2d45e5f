from django_tasks_oneshot import Cron, task


@task(schedule=Cron("@yearly"))
def review():
    pass
