from django.db import models


class Subscriber(models.Model):
    email = models.EmailField(unique=True)
    # With it, the site can always ask how the welcome went: send_welcome.get_result(welcome_task_id).
    welcome_task_id = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return self.email


class Delivery(models.Model):
    """One message that was handed to the mail server."""

    subscriber = models.ForeignKey(Subscriber, models.CASCADE, related_name="deliveries")
    subject = models.CharField(max_length=100)
    accepted = models.BooleanField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.subject!r} to {self.subscriber}: {'accepted' if self.accepted else 'refused'}"


class Article(models.Model):
    title = models.CharField(max_length=100)
    # A site would ask whether; how often is for the demo, which shows that no article was done twice.
    times_indexed = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.title
