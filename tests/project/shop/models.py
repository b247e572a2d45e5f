from django.db import models


class Parcel(models.Model):
    """Rows to loop over."""

    code = models.CharField(max_length=20, unique=True)
    uuid = models.UUIDField(unique=True)
    sent_at = models.DateTimeField(unique=True)
    weight = models.DecimalField(max_digits=10, decimal_places=3, unique=True)
    label = models.CharField(max_length=20)
    invoice = models.IntegerField(unique=True, null=True)

    class Meta:
        ordering = ["label"]

    def __str__(self):
        return self.code


class Letter(models.Model):
    """Its own order is another one than that of what it belongs to."""

    parcel = models.OneToOneField(Parcel, models.CASCADE)
    text = models.CharField(max_length=20)

    def __str__(self):
        return self.text


class Note(models.Model):
    parcel = models.ForeignKey(Parcel, models.CASCADE, related_name="notes")
    text = models.CharField(max_length=20)

    def __str__(self):
        return self.text


class SpecialParcel(Parcel):
    """Its primary key is a foreign key."""


class Execution(models.Model):
    """What tasks write down, so that a test can see what really ran. Outside of the package's own tables."""

    note = models.CharField(max_length=100)
    process = models.IntegerField()

    def __str__(self):
        return self.note


def executed():
    """What was written down, in this order."""
    return list(Execution.objects.order_by("pk").values_list("note", flat=True))
