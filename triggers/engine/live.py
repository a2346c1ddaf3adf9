"""The chains that let contacts in, and what starts them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from triggers.core.graph import Graph
from triggers.engine.versions import load_graphs
from triggers.models import Chain


@dataclass(frozen=True, slots=True)
class LiveChain:
    """A chain that lets contacts in, with its live graph."""

    id: int
    key: str
    version_id: int
    version_sha256: str
    activated_at: datetime
    graph: Graph


def live_chains() -> list[LiveChain]:
    """The chains that let contacts in now; one statement while their versions are known here."""
    columns = ("pk", "key", "live_version_id", "live_version__sha256", "activated_at")
    rows = list(Chain.objects.live().order_by("pk").values_list(*columns))
    graphs = load_graphs({version_id: digest for _pk, _key, version_id, digest, _at in rows})
    return [
        LiveChain(pk, key, version_id, digest, at, graphs[version_id])
        for pk, key, version_id, digest, at in rows
    ]
