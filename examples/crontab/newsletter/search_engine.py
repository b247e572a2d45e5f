"""Plays a search engine, so that the example needs none. Its index is a column of the articles."""

import time

from django.db.models import F

from .models import Article

# Without it a fast machine would be through the whole archive in one run, and there would be nothing to see.
SECONDS_PER_ARTICLE = 0.002


def add(article: Article) -> None:
    ready_at = time.monotonic() + SECONDS_PER_ARTICLE
    Article.objects.filter(pk=article.pk).update(times_indexed=F("times_indexed") + 1)
    time.sleep(max(0, ready_at - time.monotonic()))
