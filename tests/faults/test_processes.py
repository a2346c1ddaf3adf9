"""Workers that are killed in the middle of a conversation, asked to stop, doubled, or have a wrong clock."""

from __future__ import annotations

import signal
from datetime import timedelta
from subprocess import Popen

import pytest
from django.db import transaction
from django.db.models import F

import triggers
from tests.build import live_chain
from tests.faults.conftest import SMTP_FIRST
from tests.faults.scenario import CONCURRENCY, Scenario, names, pass_time
from tests.faults.smtp_sink import SMTPSink
from tests.processes import running, wait_for
from tests.rollback import rolled_back
from triggers.delivery.send import deliver
from triggers.models import Journey, Message
from triggers.testing import run_due
from triggers.workload import find_work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgres")]
PEOPLE = 10


class Killer:
    """Kills a worker at the first letter that reaches a stage of its conversation with the provider."""

    def __init__(self, stage: str, number: int = signal.SIGKILL) -> None:
        self.stage, self.number = stage, number
        self.victim: Popen[str] | None = None

    def __call__(self, stage: str, to: str) -> None:
        if stage == self.stage and self.victim:
            self.victim.send_signal(self.number)
            if self.number == signal.SIGKILL:
                self.victim.wait()
            self.victim = None


@pytest.mark.fault("F4")
@pytest.mark.parametrize(
    ("provider", "stage"),
    [("smtp", "rcpt"), ("smtp", "data"), ("smtp", "taken"), ("api", "data"), ("api", "taken")],
    indirect=["provider"],
)
def test_killed_in_the_middle_of_the_call(shop: Scenario, stage: str) -> None:
    """After RCPT, after DATA, after the provider took it and before it could say so."""
    shop.fill_carts(*names(PEOPLE))
    killer = Killer(stage)
    shop.provider.on_stage = killer
    worker = killer.victim = shop.start("triggers_run")
    with running(worker):
        wait_for(lambda: worker.poll() is not None, "no letter came to that stage")
    in_doubt = Message.objects.filter(state="sending").count()
    assert 1 <= in_doubt <= CONCURRENCY
    shop.recover()
    assert shop.problems(most_unknown=in_doubt) == []
    assert shop.doubts() == in_doubt


@pytest.mark.fault("F4")
def test_killed_again_and_again(shop: Scenario) -> None:
    """Each kill leaves at most one claim in doubt, and the neighbours arrive."""
    shop.fill_carts(*names(3 * PEOPLE))
    kills = 4
    for number in range(kills):
        shop.die(f"send.after_call:{number + 2}")
    shop.recover()
    assert shop.problems(most_unknown=kills * CONCURRENCY) == []
    assert shop.doubts() >= kills


@pytest.mark.fault("F4")
def test_killed_while_it_is_sent_again(shop: Scenario) -> None:
    """Its second try is the last: no third copy, and where the provider knows a letter by its key not even a second."""
    shop.fill_carts("ann")
    for point in ("send.after_call", "unknown.queued_again", "send.after_call"):
        shop.die(point)
        pass_time()
        # Who died is found out; the grace of the doubt begins.
        find_work()
        pass_time()
    shop.recover()
    assert shop.problems(most_unknown=2) == []
    copies = sum(one.uid == _transactional().uid.hex for one in shop.provider.log.read())
    over_smtp = isinstance(shop.provider, SMTPSink)
    assert copies == (2 if over_smtp else 1)
    assert _transactional().state == ("unknown" if over_smtp else "accepted")


def _transactional() -> Message:
    return Message.objects.get(message_class="transactional")


@pytest.mark.fault("F4")
@SMTP_FIRST
def test_killed_while_a_retry_is_written_down(shop: Scenario) -> None:
    """The provider said "not now": killed before that is recorded it is in doubt, killed after it is tried again."""
    shop.fill_carts("greylist-1")
    shop.die("send.before_record")
    assert shop.states()["greylist-1"] == ["queued", "sending"]
    shop.die("send.after_record")
    shop.recover()
    assert shop.states()["greylist-1"] == ["accepted", "accepted"]
    assert shop.problems(most_unknown=1) == []
    assert shop.doubts() == 1


@pytest.mark.fault("F2")
@SMTP_FIRST
def test_a_transaction_that_is_rolled_back_never_was(shop: Scenario) -> None:
    ann = shop.customer("ann")
    with rolled_back():
        assert triggers.capture("add_to_cart", contact=ann)
    with transaction.atomic():
        with rolled_back():
            assert triggers.capture("add_to_cart", contact=ann)
        assert triggers.capture("add_to_cart", contact=ann)
    shop.believe("ann", True)
    shop.work()
    assert shop.problems() == []


@pytest.mark.fault("F6", "F14")
def test_many_workers_and_as_many_clocks_send_once(shop: Scenario) -> None:
    """Each of these looks for work by itself and knows nothing of the others: four beats, four engines, four senders."""
    shop.fill_carts(*names(3 * PEOPLE))
    workers = [shop.start("triggers_run", "--once") for _ in range(4)]
    for worker in workers:
        output, _ = worker.communicate(timeout=120)
        assert worker.returncode == 0, output
    shop.work()
    assert shop.problems() == []
    assert shop.books()["sent"] == 6 * PEOPLE


@pytest.mark.fault("F14", "F27")
@SMTP_FIRST
def test_what_waited_too_long_while_nothing_ran_does_not_leave(shop: Scenario) -> None:
    """Six hours without a worker: letters whose time is over are skipped with that reason, the others leave once."""
    shop.fill_carts(*names(4))
    shop.die("claim.locked")
    late = Message.objects.filter(contact__email="customer-1@example.com")
    assert late.update(expires_at=F("created_at")) == 2
    shop.work()
    assert shop.states()["customer-1"] == ["expired", "expired"]
    assert shop.problems() == []
    assert shop.books() == {"due": 8, "sent": 6, "skipped": 2, "failed": 0, "unknown": 0, "waiting": 0}


@pytest.mark.fault("F15")
@SMTP_FIRST
@pytest.mark.parametrize("minutes", [-60, -5, 5, 60])
def test_a_worker_whose_clock_is_wrong_is_neither_early_nor_late(shop: Scenario, minutes: int) -> None:
    """The database's clock decides; the worker's own may say what it likes."""
    live_chain([("wait", "wait", {"amount": 30, "unit": "minutes"})], key="waits", event="view_item")
    shop.fill_carts(*names(3))
    triggers.capture("view_item", contact=shop.customer("ann"))
    done = shop.deed("work_at", str(minutes))
    assert done.returncode == 0, done.stderr
    assert Journey.objects.get(chain__key="waits").status == "active"
    assert shop.problems() == []
    hour = timedelta(hours=1)
    Journey.objects.filter(chain__key="waits").update(since=F("since") - hour, due_at=F("due_at") - hour)
    assert shop.deed("work_at", str(minutes)).returncode == 0
    assert Journey.objects.get(chain__key="waits").status == "finished"
    assert shop.problems() == []


@pytest.mark.fault("F19")
def test_a_worker_that_is_asked_to_stop_finishes_what_it_holds(shop: Scenario) -> None:
    shop.fill_carts(*names(PEOPLE))
    killer = Killer("taken", signal.SIGTERM)
    shop.provider.on_stage = killer
    worker = killer.victim = shop.start("triggers_run")
    with running(worker):
        wait_for(lambda: worker.poll() is not None, "it does not stop")
        assert worker.returncode == 0
    assert not Message.objects.filter(state__in=("sending", "unknown")).exists()
    shop.recover()
    assert shop.problems() == []


@pytest.mark.fault("F19")
@SMTP_FIRST
def test_a_worker_that_is_killed_while_it_stops_leaves_no_more_than_it_held(shop: Scenario) -> None:
    """SIGTERM, then SIGKILL before the provider has answered."""
    shop.fill_carts("silent-1", *names(PEOPLE))
    killer = Killer("taken", signal.SIGTERM)
    shop.provider.on_stage = killer
    worker = killer.victim = shop.start("triggers_run")
    with running(worker):
        wait_for(lambda: shop.received("silent-1") > 0, "the letter did not come")
        worker.kill()
        worker.wait()
    in_doubt = Message.objects.filter(state="sending").count()
    assert 1 <= in_doubt <= CONCURRENCY
    settled = find_and_settle()
    assert settled == in_doubt
    run_due_without("silent-1")
    assert shop.problems(most_unknown=in_doubt + 1) == []


def find_and_settle() -> int:
    pass_time()
    find_work()
    return Message.objects.filter(state="unknown").count()


def run_due_without(name: str) -> None:
    """All but the letters to somebody who never answers; those are called off."""
    Message.objects.filter(contact__email=f"{name}@example.com", state="queued").update(state="cancelled")
    run_due()


@pytest.mark.fault("F6")
@SMTP_FIRST
def test_a_run_that_comes_again_finds_nothing(shop: Scenario) -> None:
    shop.fill_carts(*names(3))
    run_due()
    assert [deliver(lane).looked_at for lane in ("email.marketing", "email.transactional")] == [0, 0]
    assert find_work().shards == ()
    assert shop.problems() == []
