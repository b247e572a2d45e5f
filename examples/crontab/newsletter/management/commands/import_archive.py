from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from newsletter.models import Article
from newsletter.tasks import index_archive


class Command(BaseCommand):
    help = "Stores this many old articles. To make them searchable is left to a task."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("count", type=int)

    @transaction.atomic  # as in subscribe: the articles and their task, or neither
    def handle(self, *, count: int, **options: Any) -> None:
        Article.objects.bulk_create(Article(title=f"Old news, no. {number}") for number in range(1, count + 1))
        result = index_archive.enqueue()
        self.stdout.write(f"{count:,} articles are stored. Task {result.id} will make them searchable.")
