from django.utils import timezone

from django_tasks_oneshot import Cron, Every, TaskContext, exponential, task

from . import search_engine
from .mail_server import deliver
from .models import Article, Delivery, Subscriber

# Two seconds, then four, then eight: short, because the demo waits for it. A real site would write base=30.
# Only connection errors are tried again: a subscriber who was deleted will not come back.
when_the_mail_server_is_up = exponential(base=2, maximum=3600, on=ConnectionError)


@task(max_attempts=5, backoff=when_the_mail_server_is_up)
def send_welcome(subscriber_id: int) -> str:
    return _send(subscriber_id, "Welcome!")


@task(max_attempts=5, backoff=when_the_mail_server_is_up)
def send_issue(subscriber_id: int, day: str) -> str:
    return _send(subscriber_id, f"The news of {day}")


@task(takes_context=True, schedule=Cron("0 7 * * mon-fri", timezone="Europe/London"))
def send_digest(context: TaskContext) -> int:
    """Enqueues one task per subscriber, so that a mailbox that fails is tried again without the others."""
    # Of the day that it stands for: a run may come late. Without a schedule, of today.
    today = timezone.localdate(context.scheduled_for).isoformat()
    subscribers = Subscriber.objects.values_list("pk", flat=True)
    for subscriber_id in subscribers:
        send_issue.enqueue(subscriber_id, today)
    return len(subscribers)


# Every(hours=1) would do. Three seconds let the demo see it happen; under a crontab it is once in each run.
@task(schedule=Every(seconds=3))
def count_deliveries() -> dict[str, int]:
    accepted = Delivery.objects.filter(accepted=True).count()
    return {"accepted": accepted, "refused": Delivery.objects.count() - accepted}


# Thousands of articles take longer than a run may. When its time is over, the loop ends before the next article, and
# the next run goes on with that one. After a kill the last half second and the article under way are done again: `add`
# has to bear that.
@task(takes_context=True)
def index_archive(context: TaskContext) -> int:
    articles = Article.objects.all()
    for article in context.resume(articles, key="pk"):
        search_engine.add(article)
    return articles.count()


def _send(subscriber_id: int, subject: str) -> str:
    subscriber = Subscriber.objects.get(pk=subscriber_id)
    # A run may be killed when the message is out and the task not yet recorded as done; then the task runs again.
    if not subscriber.deliveries.filter(subject=subject, accepted=True).exists():
        deliver(subscriber, subject)
    return f"{subject} -> {subscriber.email}"
