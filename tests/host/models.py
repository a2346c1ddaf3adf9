"""What a stranger's app has. Its tables are made without migrations, as the suite needs no history of them."""

from __future__ import annotations

from django.db import models


class Depot(models.Model):
    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class Parcel(models.Model):
    number = models.CharField(max_length=20)
    email = models.CharField(max_length=254, blank=True)
    status = models.CharField(max_length=20, default="packed")
    weight = models.DecimalField(max_digits=6, decimal_places=2, default=1)
    depot = models.ForeignKey(Depot, models.SET_NULL, null=True, related_name="parcels")
    labels = models.ManyToManyField(Depot, related_name="+")

    def __str__(self) -> str:
        return self.number
