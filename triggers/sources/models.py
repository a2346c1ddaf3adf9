"""Model changes as events, declared in `<app>/triggers_hooks.py`.

    @register
    class OrderSource(ModelSource):
        model = "shop.Order"
        events = [Changed("order_status_changed", field="status"), Deleted("order_deleted")]

        def contact(self, instance):
            return instance.user

Django sends no signals for `bulk_create`, `bulk_update`, `QuerySet.update` and raw SQL: call `capture` there.

What has changed is asked of the table, not of the instance, which does not know what other processes have written, what
was rolled back, and what it never loaded. A model with `Changed` pays with one SELECT by primary key before each save
that writes a watched field, and with a second one after those that seem to change it: expressions, rounded decimals and
texts for numbers become what the table made of them. Nothing is locked: two processes that make the same change at the
same moment may both tell of it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from math import copysign, inf, nan
from typing import Any, TypeAlias

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save

from triggers.capturing import capture
from triggers.core.events import EVENT_NAME
from triggers.exceptions import KindError
from triggers.logs import note

logger = logging.getLogger(__name__)

ANYTHING = object()


@dataclass(frozen=True, slots=True)
class Created:
    """The first save of a row."""

    event: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A save that gives `field` another value; with `to`, only when it becomes that. Data get `from` and `to`."""

    event: str
    field: str
    to: Any = ANYTHING

    def fits(self, old: Any, new: Any) -> bool:
        """Whether this change of the field is meant."""
        return bool(old != new) and self.to in (ANYTHING, new)


@dataclass(frozen=True, slots=True)
class Fell(Changed):
    """A save that makes the number in `field` smaller, by at least `percent` of what it was."""

    percent: float = 0

    def fits(self, old: Any, new: Any) -> bool:
        share = _share(new, old)
        return share < 0 and share <= -self.percent


@dataclass(frozen=True, slots=True)
class Rose(Changed):
    """A save that makes the number in `field` larger, by at least `percent` of what it was; from 0 any rise is enough."""

    percent: float = 0

    def fits(self, old: Any, new: Any) -> bool:
        share = _share(new, old)
        return share > 0 and share >= self.percent


def _share(new: Any, old: Any) -> float:
    """By how many percent of the old number the new one is more; NaN, which is neither more nor less, for no numbers."""
    if not isinstance(old, int | float | Decimal) or not isinstance(new, int | float | Decimal):
        return nan
    before, after = float(old), float(new)
    if before == after:
        return 0.0
    # Rounded, because a tenth of 9 is not quite a tenth in binary.
    return round((after - before) / abs(before) * 100, 6) if before else copysign(inf, after)


@dataclass(frozen=True, slots=True)
class Deleted:
    """The deletion of a row. `contact` and `data` are asked while the row still has its relations."""

    event: str


Occasion: TypeAlias = "Created | Changed | Deleted"
Answers: TypeAlias = tuple[Any, Mapping[str, Any], str]


class ModelSource:
    """Base of declared sources: name the model, list the events, say who it is about."""

    # A model class, or its label "app.Model".
    model: Any
    events: Sequence[Created | Changed | Deleted]

    def contact(self, instance: Any) -> Any:
        """A contact, a user or an e-mail address; None when nobody is concerned."""
        raise NotImplementedError

    def data(self, instance: Any) -> Mapping[str, Any]:
        """What goes into the event's data."""
        return {}

    def object_ref(self, instance: Any) -> str:
        """What the event is about, e.g. `order:5`."""
        return f"{instance._meta.model_name}:{instance.pk}"

    def connect(self) -> None:
        """Listen to the model's signals. Raises KindError for a model, field or event name that is wrong."""
        model = self._model()
        changed = [one for one in self.events if isinstance(one, Changed)]
        for one in self.events:
            if not EVENT_NAME.match(one.event):
                raise KindError(f"{type(self).__qualname__}: {one.event!r} is not an event name")
        if changed:
            self._check_fields(model, changed)
            pre_save.connect(self.saving, sender=model, weak=False)
        post_save.connect(self.saved, sender=model, weak=False)
        pre_delete.connect(self.deleting, sender=model, weak=False)
        post_delete.connect(self.deleted, sender=model, weak=False)

    def disconnect(self) -> None:
        """Stop listening."""
        model = self._model()
        pre_save.disconnect(self.saving, sender=model)
        post_save.disconnect(self.saved, sender=model)
        pre_delete.disconnect(self.deleting, sender=model)
        post_delete.disconnect(self.deleted, sender=model)

    def _model(self) -> type[Model]:
        try:
            return apps.get_model(self.model) if isinstance(self.model, str) else self.model
        except (LookupError, ValueError) as error:
            raise KindError(f"{type(self).__qualname__}: {error}") from None

    def _check_fields(self, model: type[Model], changed: Sequence[Changed]) -> None:
        for one in changed:
            try:
                field = model._meta.get_field(one.field)
            except FieldDoesNotExist:
                raise KindError(
                    f"{type(self).__qualname__}: {model._meta.label} has no field {one.field!r}"
                ) from None
            if not field.concrete or field.many_to_many:
                raise KindError(
                    f"{type(self).__qualname__}: {model._meta.label}.{one.field} is no column of its table"
                )

    @cached_property
    def _fields(self) -> dict[str, str]:
        """Attribute name by field name of every watched field (`user` is read as `user_id`)."""
        model = self._model()
        watched = {one.field for one in self.events if isinstance(one, Changed)}
        return {name: model._meta.get_field(name).attname for name in watched}  # type: ignore[union-attr]

    @cached_property
    def _slot(self) -> str:
        """Where an instance keeps what this source has read of it; other sources of the model have theirs."""
        return f"_triggers:{type(self).__module__}.{type(self).__qualname__}"

    def _written(self, update_fields: Collection[str] | None) -> list[str]:
        """The watched fields that a save writes; Django names them itself when others are deferred."""
        return [
            name
            for name, attname in self._fields.items()
            if update_fields is None or {name, attname} & set(update_fields)
        ]

    def _stored(self, instance: Model, names: Sequence[str], using: str | None) -> dict[str, Any]:
        """What the table holds in these fields; empty for no fields and for a row that is not there."""
        if not names or instance.pk is None:
            return {}
        rows = type(instance)._base_manager.using(using).filter(pk=instance.pk)
        found = rows.values_list(*(self._fields[name] for name in names)).first()
        return dict(zip(names, found, strict=True)) if found else {}

    def saving(
        self,
        instance: Model,
        raw: bool = False,
        using: str | None = None,
        update_fields: Collection[str] | None = None,
        **kwargs: Any,
    ) -> None:
        if not raw:
            # A list, because a receiver of the host's may save the same instance again inside of this save.
            before = self._stored(instance, self._written(update_fields), using)
            instance.__dict__.setdefault(self._slot, []).append(before)

    def saved(
        self,
        instance: Model,
        created: bool,
        raw: bool = False,
        using: str | None = None,
        **kwargs: Any,
    ) -> None:
        if raw:
            return
        started = instance.__dict__.get(self._slot)
        before = started.pop() if started else {}
        seem_changed = [name for name, old in before.items() if getattr(instance, self._fields[name]) != old]
        after = {} if created else self._stored(instance, seem_changed, using)
        for one in self.events:
            if isinstance(one, Created) and created:
                self._capture(one, instance, {})
            if isinstance(one, Changed) and one.field in after:
                self._capture_change(one, instance, before[one.field], after[one.field])

    def _capture_change(self, one: Changed, instance: Model, old: Any, new: Any) -> None:
        if one.fits(old, new):
            self._capture(one, instance, {"from": old, "to": new})

    def deleting(self, instance: Model, **kwargs: Any) -> None:
        parting = [(one, self._ask(one, instance)) for one in self.events if isinstance(one, Deleted)]
        instance.__dict__[f"{self._slot}:parting"] = parting

    def deleted(self, instance: Model, **kwargs: Any) -> None:
        for one, asked in instance.__dict__.pop(f"{self._slot}:parting", ()):
            if asked:
                capture(one.event, contact=asked[0], data=asked[1], object_ref=asked[2])

    def answers(self, one: Occasion, instance: Model) -> Answers:
        """Contact, data and what it is about, of one of `events`."""
        return self.contact(instance), self.data(instance), self.object_ref(instance)

    def _capture(self, one: Occasion, instance: Model, extra: Mapping[str, Any]) -> None:
        asked = self._ask(one, instance)
        if asked:
            capture(one.event, contact=asked[0], data={**asked[1], **extra}, object_ref=asked[2])

    def _ask(self, one: Occasion, instance: Model) -> Answers | None:
        """The host's answers; an error in the host's code is logged and the save goes on.

        In a savepoint: on PostgreSQL a query that fails would end the shop's transaction.
        """
        try:
            with transaction.atomic():
                return self.answers(one, instance)
        except Exception as error:
            ids = {"source": type(self).__qualname__, "model": instance._meta.label, "row": instance.pk}
            note(logger, logging.ERROR, "source.failed", error=error, **ids)
            return None


# Connected sources by dotted name, so that a hook module imported twice listens once.
connected: dict[str, ModelSource] = {}


def register(cls: type[ModelSource]) -> type[ModelSource]:
    """Class decorator: start listening. Raises KindError at start-up when the declaration is wrong."""
    name = f"{cls.__module__}.{cls.__qualname__}"
    if not issubclass(cls, ModelSource):
        raise KindError(f"{name} is not a ModelSource")
    if name not in connected:
        source = cls()
        source.connect()
        connected[name] = source
    return cls
