"""Plays a mail server, so that the example needs none. Its disk is the table of deliveries."""

from .models import Delivery, Subscriber

REFUSALS = 2


def deliver(subscriber: Subscriber, subject: str) -> None:
    """Down when a subscriber first needs it: the first two messages to each one are refused."""
    is_up = subscriber.deliveries.filter(accepted=False).count() >= REFUSALS
    Delivery.objects.create(subscriber=subscriber, subject=subject, accepted=is_up)
    if not is_up:
        raise ConnectionRefusedError("The mail server is down.")
