from django.db import models


class Execution(models.Model):
    """What tasks write down, so that a test can see what really ran. Outside of the package's own tables."""

    note = models.CharField(max_length=100)
    process = models.IntegerField()

    def __str__(self):
        return self.note
