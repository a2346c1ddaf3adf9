"""Model changes as events, declared in `<app>/triggers_hooks.py`.

    @register
    class OrderSource(ModelSource):
        model = "shop.Order"
        events = [Changed("order_status_changed", field="status"), Deleted("order_deleted")]

        def contact(self, instance):
            return instance.user

Django sends no signals for `bulk_create`, `bulk_update`, `QuerySet.update` and raw SQL: call `capture` there.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import post_delete, post_init, post_save, pre_delete

from triggers.capturing import capture
from triggers.core.events import EVENT_NAME
from triggers.exceptions import KindError

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


@dataclass(frozen=True, slots=True)
class Deleted:
    """The deletion of a row. `contact` and `data` are asked while the row still has its relations."""

    event: str


class ModelSource:
    """Base of declared sources: name the model, list the events, say who it is about."""

    # A model class, or its label "app.Model".
    model: ClassVar[Any]
    events: ClassVar[Sequence[Created | Changed | Deleted]]

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
            post_init.connect(self._remember, sender=model, weak=False)
        post_save.connect(self._saved, sender=model, weak=False)
        pre_delete.connect(self._deleting, sender=model, weak=False)
        post_delete.connect(self._deleted, sender=model, weak=False)

    def disconnect(self) -> None:
        """Stop listening."""
        model = self._model()
        post_init.disconnect(self._remember, sender=model)
        post_save.disconnect(self._saved, sender=model)
        pre_delete.disconnect(self._deleting, sender=model)
        post_delete.disconnect(self._deleted, sender=model)

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
        """Attribute name by field name of every watched field (`user` is kept as `user_id`)."""
        model = self._model()
        watched = {one.field for one in self.events if isinstance(one, Changed)}
        return {name: model._meta.get_field(name).attname for name in watched}  # type: ignore[union-attr]

    @cached_property
    def _slot(self) -> str:
        """Where an instance keeps what this source knows of it; other sources of the model have theirs."""
        return f"_triggers:{type(self).__module__}.{type(self).__qualname__}"

    def _values(self, instance: Model) -> dict[str, Any]:
        """The watched values; a deferred field stays unknown rather than costing a query."""
        state = instance.__dict__
        return {name: state[attname] for name, attname in self._fields.items() if attname in state}

    def _remember(self, instance: Model, **kwargs: Any) -> None:
        instance.__dict__[self._slot] = self._values(instance)

    def _saved(
        self,
        instance: Model,
        created: bool,
        raw: bool = False,
        update_fields: Collection[str] | None = None,
        **kwargs: Any,
    ) -> None:
        if raw:
            return
        before = instance.__dict__.get(self._slot, {})
        # Only what was written: `save(update_fields=["note"])` leaves another status in memory, not in the table.
        after = {
            name: value
            for name, value in self._values(instance).items()
            if update_fields is None or {name, self._fields[name]} & set(update_fields)
        }
        for one in self.events:
            if isinstance(one, Created) and created:
                self._capture(one.event, instance, {})
            if isinstance(one, Changed) and not created and one.field in before and one.field in after:
                self._capture_change(one, instance, before[one.field], after[one.field])
        instance.__dict__[self._slot] = before | after

    def _capture_change(self, one: Changed, instance: Model, old: Any, new: Any) -> None:
        if old != new and one.to in (ANYTHING, new):
            self._capture(one.event, instance, {"from": old, "to": new})

    def _deleting(self, instance: Model, **kwargs: Any) -> None:
        if any(isinstance(one, Deleted) for one in self.events):
            instance.__dict__[f"{self._slot}:parting"] = self._ask(instance)

    def _deleted(self, instance: Model, **kwargs: Any) -> None:
        asked = instance.__dict__.pop(f"{self._slot}:parting", None)
        for one in self.events:
            if isinstance(one, Deleted) and asked:
                capture(one.event, contact=asked[0], data=asked[1], object_ref=asked[2])

    def _capture(self, event: str, instance: Model, extra: Mapping[str, Any]) -> None:
        asked = self._ask(instance)
        if asked:
            capture(event, contact=asked[0], data={**asked[1], **extra}, object_ref=asked[2])

    def _ask(self, instance: Model) -> tuple[Any, Mapping[str, Any], str] | None:
        """The host's answers; an error in the host's code is logged and the save goes on.

        In a savepoint: on PostgreSQL a query that fails would end the shop's transaction.
        """
        try:
            with transaction.atomic():
                return self.contact(instance), self.data(instance), self.object_ref(instance)
        except Exception:
            logger.exception(
                "%s failed for %s %s", type(self).__qualname__, instance._meta.label, instance.pk
            )
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
