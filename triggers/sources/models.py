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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
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
                model._meta.get_field(one.field)
            except FieldDoesNotExist:
                raise KindError(f"{type(self).__qualname__}: {model._meta.label} has no field {one.field!r}") from None

    def _fields(self) -> dict[str, str]:
        """Attribute name by field name of every watched field (`user` is kept as `user_id`)."""
        model = self._model()
        watched = {one.field for one in self.events if isinstance(one, Changed)}
        return {name: model._meta.get_field(name).attname for name in watched}  # type: ignore[union-attr]

    def _remember(self, instance: Model, **kwargs: Any) -> None:
        """Keep the values as loaded; a deferred field stays unknown rather than costing a query."""
        state = instance.__dict__
        state["_triggers_loaded"] = {name: state[att] for name, att in self._fields().items() if att in state}

    def _saved(self, instance: Model, created: bool, raw: bool = False, **kwargs: Any) -> None:
        if raw:
            return
        before = instance.__dict__.get("_triggers_loaded", {})
        for one in self.events:
            if isinstance(one, Created) and created:
                self._capture(one.event, instance, {})
            if isinstance(one, Changed) and not created:
                self._capture_change(one, instance, before)
        if any(isinstance(one, Changed) for one in self.events):
            self._remember(instance)

    def _capture_change(self, one: Changed, instance: Model, before: Mapping[str, Any]) -> None:
        attname = self._fields()[one.field]
        if one.field not in before or attname not in instance.__dict__:
            return
        old, new = before[one.field], instance.__dict__[attname]
        if old != new and one.to in (ANYTHING, new):
            self._capture(one.event, instance, {"from": old, "to": new})

    def _deleting(self, instance: Model, **kwargs: Any) -> None:
        if any(isinstance(one, Deleted) for one in self.events):
            instance.__dict__["_triggers_parting"] = self._ask(instance)

    def _deleted(self, instance: Model, **kwargs: Any) -> None:
        asked = instance.__dict__.pop("_triggers_parting", None)
        for one in self.events:
            if isinstance(one, Deleted) and asked:
                capture(one.event, contact=asked[0], data=asked[1], object_ref=asked[2])

    def _capture(self, event: str, instance: Model, extra: Mapping[str, Any]) -> None:
        asked = self._ask(instance)
        if asked:
            capture(event, contact=asked[0], data={**asked[1], **extra}, object_ref=asked[2])

    def _ask(self, instance: Model) -> tuple[Any, Mapping[str, Any], str] | None:
        """The host's answers; an error in the host's code is logged and the save goes on."""
        try:
            return self.contact(instance), self.data(instance), self.object_ref(instance)
        except Exception:
            logger.exception("%s failed for %s %s", type(self).__qualname__, instance._meta.label, instance.pk)
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
