"""A declaration that is wrong is said at start-up, with the names of the source and of what it got wrong."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models.signals import post_save

from tests.host.models import Parcel
from tests.host.triggers_hooks import ParcelSource
from triggers.exceptions import KindError
from triggers.sources import Changed, Created, ModelSource, register
from triggers.sources.models import connected


def declared(model: Any, *events: Any) -> type[ModelSource]:
    return type(
        "MySource", (ModelSource,), {"model": model, "events": events, "__module__": "shop.triggers_hooks"}
    )


@pytest.mark.parametrize(
    ("source", "named"),
    [
        (declared("host.Parcle", Created("x")), "host"),
        (declared("nohost.Parcel", Created("x")), "nohost"),
        (declared("Parcel", Created("x")), "MySource"),
        (declared(Parcel, Created("Bad Name")), "'Bad Name' is not an event name"),
        (declared(Parcel, Created("")), "'' is not an event name"),
        (declared(Parcel, Changed("x", field="state")), "host.Parcel has no field 'state'"),
        (declared(Parcel, Changed("x", field="labels")), "host.Parcel.labels is no column"),
        (declared("host.Depot", Changed("x", field="parcels")), "host.Depot.parcels is no column"),
    ],
)
def test_mistakes(source: type[ModelSource], named: str) -> None:
    """A reverse relation used to be accepted, and then no row of the model could be loaded any more."""
    listening = len(post_save.receivers)
    with pytest.raises(KindError, match=named) as refused:
        register(source)
    assert "MySource" in str(refused.value)
    assert "shop.triggers_hooks.MySource" not in connected
    assert len(post_save.receivers) == listening


def test_what_is_no_source() -> None:
    with pytest.raises(KindError, match="is not a ModelSource"):
        register(Parcel)  # type: ignore[arg-type]


def test_a_hook_module_imported_twice_listens_once() -> None:
    before = len(post_save.receivers)
    assert register(ParcelSource) is ParcelSource
    assert len(post_save.receivers) == before


def test_the_strangers_source_was_found_at_start_up() -> None:
    assert "tests.host.triggers_hooks.ParcelSource" in connected
