"""The shop of a soak: a process that takes orders until it is killed, and writes down what it told its customers.

One line to the file for each order: `try`, the address; then `told` when the order and its event are committed, `refused` when
the order stands without its event. Nothing after `try` means that nobody knows.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import django

# What the recipients' names ask of the sink, most of them nothing.
WISHES = ("customer",) * 16 + ("greylist", "permfail", "dropafterdata", "closeafter250")


def main() -> None:
    django.setup()
    path, seed, pause_seconds = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    chance = random.Random(seed)
    number = 0
    with path.open("a", encoding="utf-8", buffering=1) as diary:
        while True:
            number += 1
            address = f"{chance.choice(WISHES)}-{seed}x{number}@example.com"
            diary.write(f"try {address}\n")
            answer = _order(address)
            if answer:
                diary.write(f"{answer} {address}\n")
            time.sleep(pause_seconds)


def _order(address: str) -> str:
    """`told`, `refused`, or "" when the database left us without an answer."""
    from django.db import DatabaseError, InterfaceError, close_old_connections, connection, transaction

    import triggers
    from triggers import consent

    close_old_connections()
    try:
        with transaction.atomic():
            consent.grant(address, "email", source="soak", text="yes")
            event = triggers.capture("add_to_cart", contact=address)
    except (DatabaseError, InterfaceError):
        connection.close()
        return ""
    return "told" if event else "refused"


if __name__ == "__main__":
    main()
