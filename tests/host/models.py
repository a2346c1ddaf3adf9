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


class Ware(models.Model):
    """What source rules are tried on."""

    name = models.CharField(max_length=50)
    email = models.CharField(max_length=254, blank=True)
    price = models.DecimalField(max_digits=8, decimal_places=2, default=10)
    stock = models.IntegerField(default=1)
    state = models.CharField(max_length=20, default="new")
    # Tables without migrations are made before those of users.
    owner = models.ForeignKey("auth.User", models.SET_NULL, null=True, related_name="+", db_constraint=False)
    parcel = models.ForeignKey(Parcel, models.CASCADE, null=True, related_name="+")
    card_number = models.CharField(max_length=20, blank=True)
    api_token = models.CharField(max_length=20, blank=True)
    blob = models.BinaryField(default=b"")
    internal = models.CharField(max_length=20, blank=True)

    def __str__(self) -> str:
        return self.name
