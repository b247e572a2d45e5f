"""Remembers signatures, so that each is good for one request."""

from __future__ import annotations

from datetime import timedelta

from django.db import IntegrityError, router, transaction

from ..contract.schedule import EPOCH
from ..db.clock import DatabaseNow
from ..db.missing import is_missing
from ..models import UsedSignature

#: Longer than any two clocks that people have set differ, and far longer than a signature is accepted.
REMEMBERED_FOR = timedelta(days=1)


def use_up(signature: str, timestamp: int) -> bool:
    """Whether this is the first request with the signature, of all that come at the same time to all processes.

    Where there is no database to remember it, none is.
    """
    alias = router.db_for_write(UsedSignature)
    if is_missing(alias):
        return False
    used = UsedSignature.objects.using(alias)
    used.filter(forget_at__lt=DatabaseNow()).delete()
    try:
        with transaction.atomic(using=alias):  # of two, the database lets one in
            used.create(signature=signature, forget_at=EPOCH + timedelta(seconds=timestamp) + REMEMBERED_FOR)
    except IntegrityError:
        return False
    return True
