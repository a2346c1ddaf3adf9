"""The draft of a chain: its steps as a tree, and the verbs that change them. Nothing here touches what is live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from triggers.exceptions import InvalidChain
from triggers.models import Chain, ChainVersion, Step
from triggers.steps import steps

Direction = Literal["up", "down"]

# A person cannot read deeper, and nothing that walks the tree has to fear for its stack.
MOST_DEPTH = 20


@dataclass(frozen=True, slots=True)
class DraftNode:
    """One draft step and its branches in order, empty ones as well."""

    step: Step
    branches: tuple[tuple[str, tuple[DraftNode, ...]], ...] = ()


def draft_tree(chain: Chain) -> tuple[DraftNode, ...]:
    """The draft steps as an ordered tree; one query.

    A branch that the kind does not have (any more) comes after those that it has, so that nothing is out of sight.
    """
    children: dict[int | None, list[Step]] = {}
    for step in chain.steps.order_by("position", "pk"):
        children.setdefault(step.parent_id, []).append(step)
    return _sequence(children.get(None, []), children)


def add_step(
    chain: Chain,
    kind_key: str,
    config: Mapping[str, Any],
    *,
    parent: Step | None = None,
    branch: str = "",
    position: int | None = None,
    note: str = "",
) -> Step:
    """A new draft step, by default the last of its sequence.

    Raises UnknownKind, InvalidConfig for settings that do not fit, and InvalidChain for a place that does not exist.
    """
    steps.get(kind_key).parse(config)
    with transaction.atomic():
        _lock(chain)
        _check_place(chain, parent, branch)
        siblings = list(_siblings(chain, parent.pk if parent else None, branch))
        step = Step(
            chain=chain,
            key=_new_key(chain, kind_key),
            parent=parent,
            branch=branch,
            kind=kind_key,
            config=dict(config),
            note=note,
        )
        step.position = len(siblings) if position is None else max(0, min(position, len(siblings)))
        step.save(force_insert=True)
        siblings.insert(step.position, step)
        _renumber(siblings)
        _touch(chain)
    return step


def change_step(step: Step, config: Mapping[str, Any], note: str) -> None:
    """Other settings for a draft step. Raises UnknownKind, and InvalidConfig for settings that do not fit."""
    steps.get(step.kind).parse(config)
    with transaction.atomic():
        step.config, step.note = dict(config), note
        step.save(update_fields=["config", "note"])
        _touch(step.chain)


def move_step(step: Step, direction: Direction) -> None:
    """Swap the step with its neighbour in the same sequence; at the end of the sequence nothing changes."""
    with transaction.atomic():
        _lock(step.chain)
        siblings = list(_siblings(step.chain, step.parent_id, step.branch))
        at = next(index for index, sibling in enumerate(siblings) if sibling.pk == step.pk)
        to = at + (-1 if direction == "up" else 1)
        if 0 <= to < len(siblings):
            siblings[at], siblings[to] = siblings[to], siblings[at]
        _renumber(siblings)
        _touch(step.chain)


def delete_step(step: Step) -> int:
    """Delete the step with everything in its branches. Returns how many steps went."""
    with transaction.atomic():
        chain, parent, branch = step.chain, step.parent_id, step.branch
        _lock(chain)
        _rows, by_model = step.delete()
        _renumber(list(_siblings(chain, parent, branch)))
        _touch(chain)
    return by_model.get(Step._meta.label, 0)


def branch_names(kind_key: str) -> tuple[str, ...]:
    """The branches that steps of this kind have, in order; none for a kind that is not installed."""
    return tuple(name for name, _label in steps.get(kind_key).branches) if kind_key in steps else ()


def _sequence(siblings: list[Step], children: dict[int | None, list[Step]]) -> tuple[DraftNode, ...]:
    return tuple(DraftNode(step, tuple(_branches(step, children))) for step in siblings)


def _branches(
    step: Step, children: dict[int | None, list[Step]]
) -> Iterator[tuple[str, tuple[DraftNode, ...]]]:
    inside = children.get(step.pk, [])
    names = dict.fromkeys((*branch_names(step.kind), *(child.branch for child in inside)))
    for name in names:
        yield name, _sequence([child for child in inside if child.branch == name], children)


def _lock(chain: Chain) -> None:
    """Two people who edit one chain at once take turns."""
    Chain.objects.select_for_update().get(pk=chain.pk)


def _touch(chain: Chain) -> None:
    chain.updated_at = timezone.now()
    Chain.objects.filter(pk=chain.pk).update(updated_at=chain.updated_at)


def _siblings(chain: Chain, parent_id: int | None, branch: str) -> Iterable[Step]:
    return Step.objects.filter(chain=chain, parent_id=parent_id, branch=branch).order_by("position", "pk")


def _renumber(siblings: list[Step]) -> None:
    moved = [step for position, step in enumerate(siblings) if step.position != position]
    for position, step in enumerate(siblings):
        step.position = position
    Step.objects.bulk_update(moved, ["position"])


def _check_place(chain: Chain, parent: Step | None, branch: str) -> None:
    if parent is None:
        if branch:
            raise InvalidChain([_("Only a step has branches.")])
        return
    if parent.chain_id != chain.pk:
        raise InvalidChain([_("That step belongs to another chain.")])
    if branch not in branch_names(parent.kind):
        raise InvalidChain([_("The step “%(step)s” has no such branch.") % {"step": parent.key}])
    if _depth(chain, parent) >= MOST_DEPTH:
        raise InvalidChain(
            [_("Steps can be nested %(depth)s levels deep, not more.") % {"depth": MOST_DEPTH}]
        )


def _depth(chain: Chain, step: Step) -> int:
    parents = dict(chain.steps.values_list("pk", "parent_id"))
    depth, current = 1, step.parent_id
    while current is not None and depth < MOST_DEPTH:
        depth, current = depth + 1, parents.get(current)
    return depth


def _new_key(chain: Chain, kind_key: str) -> str:
    """`wait_1`, `wait_2` …: never one that this chain has, had when it was published, or still refers to."""
    taken = set(chain.steps.values_list("key", flat=True))
    for config in chain.steps.values_list("config", flat=True):
        taken.update(_texts(config))
    for definition in (
        ChainVersion.objects.filter(chain=chain).values_list("definition", flat=True).iterator()
    ):
        taken.update(_texts(definition))
    stem = kind_key[:44]
    return next(key for key in (f"{stem}_{number}" for number in count(1)) if key not in taken)


def _texts(value: Any) -> Iterator[str]:
    """Every text anywhere inside a JSON value."""
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, str):
            yield current
        elif isinstance(current, Mapping):
            pending.extend(current.values())
            yield from current
        elif isinstance(current, list):
            pending.extend(current)
