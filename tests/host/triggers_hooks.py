"""How a stranger's app plugs in: found by its name at start-up."""

from __future__ import annotations

from typing import Any

from tests.host.models import Parcel
from triggers.sources import Changed, Created, Deleted, ModelSource, register


@register
class ParcelSource(ModelSource):
    model = "host.Parcel"
    events = [
        Created("parcel_created"),
        Changed("parcel_status_changed", field="status"),
        Changed("parcel_arrived", field="status", to="arrived"),
        Changed("parcel_moved", field="depot"),
        Deleted("parcel_deleted"),
    ]

    def contact(self, instance: Parcel) -> Any:
        return instance.email

    def data(self, instance: Parcel) -> dict[str, Any]:
        return {"number": instance.number, "weight": instance.weight}
