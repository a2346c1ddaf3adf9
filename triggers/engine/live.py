"""The chains that let contacts in, as this process knows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from triggers.core.graph import Graph
from triggers.core.kinds import Admission
from triggers.core.values import EventValue
from triggers.engine.versions import UnknownEntry, load_graphs
from triggers.entries.manual import PUT_INTO_CHAIN, admit_by_name
from triggers.models import Chain

# A deployment is over by then: every worker knows what the one that published knew.
DEPLOYMENT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class LiveChain:
    """A chain that lets contacts in, with its live graph."""

    id: int
    key: str
    version_id: int
    version_sha256: str
    activated_at: datetime
    published_at: datetime
    graph: Graph

    def admit(self, event: EventValue) -> Admission | None:
        """As the chain's trigger says; whoever puts a contact into a chain by name does not ask it."""
        if event.name == PUT_INTO_CHAIN:
            return admit_by_name(event, self.key) if self.graph.is_readable else None
        admission: Admission | None = self.graph.entry.admit(
            self.graph.entry_config, event, self.graph.wait_scale
        )
        return admission


def live_chains() -> list[LiveChain]:
    """All of them, in one statement; versions that are new to this process take another."""
    columns = (
        "pk",
        "key",
        "live_version_id",
        "live_version__sha256",
        "activated_at",
        "live_version__published_at",
    )
    rows = list(Chain.objects.live().order_by("pk").values_list(*columns))
    graphs = load_graphs({version_id: digest for _pk, _key, version_id, digest, _at, _published_at in rows})
    return [
        LiveChain(pk, key, version_id, digest, at, published_at, graphs[version_id])
        for pk, key, version_id, digest, at, published_at in rows
    ]


def are_for_newer_workers(chains: Iterable[LiveChain], now: datetime) -> bool:
    """Whether events must be left to other workers: a chain was just published whose entry this process cannot read.

    Whoever published it could, so a new release is being rolled out; events matched without it would be lost to it.
    """
    return any(
        isinstance(chain.graph.entry, UnknownEntry) and now - chain.published_at < DEPLOYMENT
        for chain in chains
    )
