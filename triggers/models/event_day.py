"""How often events were recorded, day by day: what remains of those that were purged, for conditions that look far back."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from triggers.models.contact import Contact
from triggers.models.fields import ExactCharField


class EventDay(models.Model):
    """Purged events of one contact, name, day (UTC) and currency, added up. `engine.rollup` writes it.

    An event is either here or in `Event`, never in both and never in neither; nothing can make these rows anew. Who
    deletes or moves what belongs to a contact takes the events first and these rows after them, in a statement of its
    own: a purge that holds the events has added them here by then.
    """

    contact = models.ForeignKey(
        Contact,
        models.CASCADE,
        related_name="event_days",
        db_constraint=False,
        db_index=False,
        verbose_name=_("contact"),
    )
    name = models.CharField(_("name"), max_length=64)
    day = models.DateField(_("day"))
    # Of the event's data, in capitals; empty where it names none.
    currency = ExactCharField(max_length=3, blank=True)
    count = models.IntegerField(default=0)
    # How many of them have a number as their data's `value`, and the sum of these.
    valued = models.IntegerField(default=0)
    total = models.DecimalField(max_digits=24, decimal_places=4, default=0)

    class Meta:
        verbose_name = _("day of purged events")
        verbose_name_plural = _("days of purged events")
        constraints = [
            models.UniqueConstraint(
                fields=["contact", "name", "day", "currency"], name="triggers_eventday_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} {self.name} {self.day}"
