"""A small shop in trouble: real processes on the test's database, a sink for its letters, and the checker at the end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import triggers
from tests.build import live_chain, make_contact, make_template
from tests.faults.checker import Belief, balance, doubts, find_problems, gather
from tests.faults.esp import ESP
from tests.faults.smtp_sink import SMTPSink
from tests.processes import ROOT, manage
from triggers.clock import DatabaseNow
from triggers.crashpoints import EXIT_STATUS, VARIABLE
from triggers.models import Chain, Contact, Journey, Lane, Message, SenderRun, SlowDomain
from triggers.testing import run_due

# Letters one sender holds: small, so that a dozen contacts make several claims and turns.
CONCURRENCY = 4
LETTERS: tuple[tuple[str, str], ...] = (("reminder", "marketing"), ("thanks", "transactional"))
PROCESS_SECONDS = 120


@dataclass
class Scenario:
    """One test's shop. `told` is what its customers were told; `environment` is for processes on its database."""

    provider: SMTPSink | ESP
    environment: Mapping[str, str]
    told: list[Belief] = field(default_factory=list)

    def open(self) -> Chain:
        """Two letters for whoever fills a cart, one that needs consent and one that does not."""
        for key, message_class in LETTERS:
            make_template(key, message_class=message_class)
        return live_chain([(key, "send_email", {"template": key}) for key, _class in LETTERS])

    def customer(self, name: str, **fields: Any) -> Contact:
        return make_contact(Contact.objects.count() + 1, email=f"{name}@example.com", **fields)

    def fill_carts(self, *names: str) -> None:
        for name in names:
            contact = self.customer(name)
            assert triggers.capture("add_to_cart", contact=contact)
            self.believe(name, True)

    def at(self, name: str, domain: str) -> None:
        """Somebody at a domain of his own fills a cart."""
        contact = make_contact(Contact.objects.count() + 1, email=f"{name}@{domain}")
        assert triggers.capture("add_to_cart", contact=contact)
        self.believe(name, True, domain)

    def believe(self, name: str, is_told: bool | None, domain: str = "example.com") -> None:
        letters = tuple(key for key, _class in LETTERS)
        self.told.append(Belief("add_to_cart", f"{name}@{domain}", is_told, letters))

    def configure(self, settings: Any, **changes: Any) -> None:
        """More settings, for this process and those it starts; `settings` is pytest's."""
        given = json.loads(self.environment.get("TRIGGERS_TEST_SETTINGS", "{}")) | changes
        self.environment = {**self.environment, "TRIGGERS_TEST_SETTINGS": json.dumps(given)}
        settings.TRIGGERS = {**settings.TRIGGERS, **changes}

    def start(self, *arguments: str, at: str = "") -> subprocess.Popen[str]:
        """A management command in a process of its own, which dies `at` a crash point."""
        return manage(*arguments, env={**self.environment, VARIABLE: at})

    def die(self, at: str, *arguments: str) -> None:
        """Run a process that must be killed at a crash point; the default is one that does all work there is."""
        process = self.start(*(arguments or ("triggers_run", "--once")), at=at)
        output, _ = process.communicate(timeout=PROCESS_SECONDS)
        assert process.returncode == EXIT_STATUS, f"not killed at {at}: {output}"

    def work(self) -> None:
        """A healthy process does what is due."""
        self.run("triggers_run", "--once")

    def run(self, *arguments: str) -> None:
        """A command that comes to its end."""
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=PROCESS_SECONDS)
        assert process.returncode == 0, output

    def deed(self, *arguments: str, at: str = "") -> subprocess.CompletedProcess[str]:
        """One of `tests.faults.deeds` in a process of its own."""
        command = [sys.executable, "-m", "tests.faults.deeds", *arguments]
        environment = {**self.environment, VARIABLE: at}
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PROCESS_SECONDS
        )

    def recover(self) -> None:
        """What a healthy process makes of it once leases have run out and waits are over.

        A doubt takes three: the lease of who died, the grace of the provider, the second try.
        """
        for _round in range(4):
            pass_time()
            run_due()

    def problems(self, **options: Any) -> list[str]:
        return find_problems(gather(self.provider.log.read(), self.told), **options)

    def books(self) -> dict[str, int]:
        return balance(gather(self.provider.log.read(), self.told))

    def doubts(self) -> int:
        return doubts(gather(self.provider.log.read(), self.told))

    def states(self) -> dict[str, list[str]]:
        """States of the letters by recipient's name, in the order of the chain."""
        found: dict[str, list[str]] = {}
        for email, state in Message.objects.order_by("pk").values_list("contact__email", "state"):
            found.setdefault(email.partition("@")[0], []).append(state)
        return found

    def received(self, name: str) -> int:
        return sum(one.to == f"{name}@example.com" for one in self.provider.log.read())


def pass_time() -> None:
    """As if an hour had passed for leases, graces, retries, put-off journeys, closed lanes and slow domains, and for
    nothing else."""
    past = DatabaseNow() - timedelta(seconds=1)
    Lane.objects.filter(closed_until__isnull=False).update(closed_until=past)
    Lane.objects.filter(probe_until__isnull=False).update(probe_until=past)
    SlowDomain.objects.filter(slow_until__isnull=False).update(slow_until=past, probe_until=None)
    Message.objects.filter(lease_until__isnull=False).update(lease_until=past)
    Message.objects.filter(state="queued").update(send_after=past)
    # After the messages: they were due before their senders died.
    SenderRun.objects.update(alive_until=past)
    Journey.objects.filter(status="active", due_at__isnull=False).update(due_at=past)


def settings_for(provider: SMTPSink | ESP, **changes: Any) -> dict[str, Any]:
    """The part of TRIGGERS that the scenario sets, as JSON can carry it."""
    return {
        "EMAIL_ACCOUNTS": {"default": provider.account()},
        "SEND_CONCURRENCY": CONCURRENCY,
        "TURN_BATCH": 5,
        "TICK_SECONDS": 0.2,
    } | changes


def environment_for(child_environment: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, str]:
    return {
        **child_environment,
        "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
        "TRIGGERS_TEST_SETTINGS": json.dumps(given),
    }


def names(count: int, wish: str = "customer") -> Sequence[str]:
    return [f"{wish}-{number}" for number in range(count)]
