from django.db import models


class Item(models.Model):
    """What a task loops over."""

    name = models.CharField(max_length=100)

    def __str__(self):
        return self.name
