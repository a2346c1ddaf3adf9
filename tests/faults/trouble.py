"""A shop whose carts make trouble for some contacts, by the first word of their name as in the sinks."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from decimal import Decimal

from tests.faults.deliveries import wish_of
from triggers.crashpoints import EXIT_STATUS
from triggers.shop import Cart, ContactRef, Item, ShopAdapter

ITEMS = (Item("1", "Lamp", Decimal(10)),)
SLOW_SECONDS = 2.2


class SlowCart(Cart):
    """Asks something that takes its time for each piece."""

    @property
    def count(self) -> int:
        time.sleep(SLOW_SECONDS)
        return 1


class Trouble(ShopAdapter):
    """`deadly-1@…`: reading the cart ends the process, as an interpreter that crashes or is out of memory does.
    `slow-1@…`: the cart takes longer than a letter may."""

    def carts(self, contacts: Sequence[ContactRef]) -> dict[int, Cart]:
        wishes = {contact.id: wish_of(contact.email) for contact in contacts}
        if "deadly" in wishes.values():
            os._exit(EXIT_STATUS)
        return {
            pk: (SlowCart if wish == "slow" else Cart)(f"cart:{pk}", ITEMS, Decimal(10), "EUR")
            for pk, wish in wishes.items()
        }
