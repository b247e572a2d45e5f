"""What people see of the newsletter. None of these sends a message: that is left to tasks."""

from django.db import transaction
from django.forms import modelform_factory
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from newsletter.models import Article, Delivery, Subscriber
from newsletter.tasks import send_issue, send_welcome

SubscribeForm = modelform_factory(Subscriber, fields=["email"])


@require_safe
def show_counts(request: HttpRequest) -> JsonResponse:
    return JsonResponse(
        {
            "subscribers": Subscriber.objects.count(),
            "messages": Delivery.objects.filter(accepted=True).count(),
            "searchable articles": Article.objects.filter(times_indexed__gt=0).count(),
        }
    )


@require_POST
@transaction.atomic  # the subscriber and the task are stored together, or neither is; its message is sent after that
def subscribe(request: HttpRequest) -> JsonResponse:
    form = SubscribeForm(request.POST)
    if not form.is_valid():
        return JsonResponse(form.errors, status=400)
    subscriber = form.save()
    subscriber.welcome_task_id = send_welcome.enqueue(subscriber.pk).id
    subscriber.save(update_fields=["welcome_task_id"])
    return JsonResponse({"welcome_task_id": subscriber.welcome_task_id}, status=202)


@require_POST
@transaction.atomic  # what it enqueues is sent when it is committed, ten messages at a time
def send_issues(request: HttpRequest) -> JsonResponse:
    """Today's issue to everybody: one message of SQS for each, and no row."""
    today = timezone.localdate().isoformat()
    task = send_issue.using(backend="mail")
    subscribers = Subscriber.objects.values_list("pk", flat=True)
    results = [task.enqueue(subscriber_id, today) for subscriber_id in subscribers]
    return JsonResponse({"enqueued": len(results)}, status=202)
