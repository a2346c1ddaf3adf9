"""Published definitions as graphs. Versions never change, so each is built once per process."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import msgspec

from triggers.conf import settings
from triggers.core.graph import EventRule, Graph, StepNode, UnknownStep
from triggers.core.kinds import Admission
from triggers.core.schedule import QuietHours
from triggers.core.values import EventValue
from triggers.entries import entries
from triggers.exceptions import InvalidConfig, UnknownKind
from triggers.logs import note
from triggers.models import ChainVersion
from triggers.steps import steps

logger = logging.getLogger(__name__)


class UnknownEntry:
    """Stands in for an entry kind that is not installed here: nobody enters."""

    def event_names(self, config: Any) -> tuple[str, ...]:
        return ()

    def admit(self, config: Any, event: EventValue, wait_scale: float) -> Admission | None:
        return None

    def looks_back(self, config: Any) -> float:
        return 0.0


def load_graphs(versions: Mapping[int, str]) -> dict[int, Graph]:
    """Graphs by version id, for versions given as id → sha256; what this process has not seen is read in one statement.

    The digest is the key, so that a restored backup, which gives an id to another definition, cannot mislead.
    """
    scale = settings.WAIT_SCALE
    missing = [pk for pk, digest in versions.items() if (digest, scale) not in _graphs]
    if missing:
        for version in ChainVersion.objects.filter(pk__in=missing).only("definition", "sha256"):
            _graphs[version.sha256, scale] = build_graph(version.definition, scale)
    return {pk: _graphs[digest, scale] for pk, digest in versions.items()}


# Grows by one entry for each version that is in use; a definition is a few kilobytes.
_graphs: dict[tuple[str, float], Graph] = {}


def build_graph(definition: Mapping[str, Any], wait_scale: float = 1.0) -> Graph:
    """A graph from a stored definition. Never raises: one that cannot be read must not stop its neighbours.

    Kinds that are unknown here become steps that are left to other workers; a definition that cannot be read as a whole
    lets nobody in and leaves whoever is inside to others.
    """
    try:
        return _graph(definition, wait_scale)
    except Exception as error:
        note(logger, logging.ERROR, "version.unreadable", error=error)
        return _unreadable(definition, error)


def _graph(definition: Mapping[str, Any], wait_scale: float) -> Graph:
    entry, entry_config = _entry(definition["entry"])
    return Graph(
        tuple(_node(step) for step in definition["steps"]),
        entry=entry,
        entry_config=entry_config,
        goals=_rules(definition.get("goals", ())),
        exits=_rules(definition.get("exits", ())),
        wait_scale=wait_scale,
        quiet=quiet_of(definition),
    )


def quiet_of(definition: Mapping[str, Any]) -> QuietHours | None:
    """The chain's own quiet hours as its definition says them."""
    return msgspec.convert(definition.get("quiet"), QuietHours | None)


def _unreadable(definition: Any, error: Exception) -> Graph:
    """A graph in which every step is left to others. Goals cannot be read, so nothing may be sent."""
    kind = UnknownStep(str(error))
    steps_by_key = tuple(StepNode(key, kind, None) for key in _keys(definition))
    return Graph(steps_by_key, entry=UnknownEntry(), entry_config=None, is_readable=False)


def _keys(raw: Any) -> set[str]:
    """Everything that may be a step's key in a definition of whatever shape."""
    if isinstance(raw, Mapping):
        own = {raw["key"]} if isinstance(raw.get("key"), str) else set()
        return own.union(*(_keys(value) for value in raw.values()))
    if isinstance(raw, list):
        return set().union(*(_keys(value) for value in raw))
    return set()


def forget_graphs() -> None:
    """Drop the cache, for tests that register kinds."""
    _graphs.clear()


def _entry(raw: Mapping[str, Any]) -> tuple[Any, Any]:
    try:
        kind = entries.get(raw["kind"])
        return kind, kind.parse(raw["config"])
    except (UnknownKind, InvalidConfig) as error:
        note(logger, logging.WARNING, "version.kind_unknown", problem=str(error))
        return UnknownEntry(), None


def _node(raw: Mapping[str, Any]) -> StepNode:
    branches = tuple(
        (name, tuple(_node(step) for step in sequence)) for name, sequence in raw["branches"].items()
    )
    try:
        kind = steps.get(raw["kind"])
        return StepNode(raw["key"], kind, kind.parse(raw["config"]), branches)
    except (UnknownKind, InvalidConfig) as error:
        note(logger, logging.WARNING, "version.kind_unknown", problem=str(error))
        return StepNode(raw["key"], UnknownStep(str(error)), None, branches)


def _rules(raw: Any) -> tuple[EventRule, ...]:
    return msgspec.convert(raw, tuple[EventRule, ...])
