"""The switch over everything on the health page: a right of its own, a reason, and a banner nobody overlooks."""

from __future__ import annotations

from django.contrib.admin.models import LogEntry
from django.test import Client

from tests.admin.conftest import Staff
from tests.build import live_chain, make_template
from triggers.control import is_everything_paused, pause_everything, pause_of_everything

PAGE = "/admin/triggers/heartbeat/"


def test_pausing_and_resuming(boss: Client) -> None:
    assert "Pause everything" in boss.get(PAGE).content.decode()
    said = boss.post(f"{PAGE}pause/", {"why": " a <b>wrong</b> price "}, follow=True).content.decode()
    for part in (
        "Everything is paused",
        "By boss.",
        "a &lt;b&gt;wrong&lt;/b&gt; price",
        "Resume everything",
        "Needs a look",
    ):
        assert part in said
    pause = pause_of_everything()
    assert pause
    assert pause.why == "a <b>wrong</b> price"
    assert "Everything goes on." in boss.post(f"{PAGE}resume/", follow=True).content.decode()
    assert not is_everything_paused()
    assert LogEntry.objects.count() == 2


def test_it_takes_a_right_of_its_own(staff: Staff) -> None:
    looker = staff("view_heartbeat")
    assert "Pause everything" not in looker.get(PAGE).content.decode()
    assert looker.post(f"{PAGE}pause/").status_code == 403
    assert not is_everything_paused()
    pause_everything("stop")
    said = looker.get(PAGE).content.decode()
    assert "Everything is paused" in said
    assert "Resume everything" not in said
    assert looker.post(f"{PAGE}resume/").status_code == 403
    assert is_everything_paused()
    keeper = staff("view_heartbeat", "pause_everything")
    keeper.post(f"{PAGE}resume/")
    assert not is_everything_paused()


def test_only_a_post_switches(boss: Client) -> None:
    for name in ("pause", "resume"):
        assert boss.get(f"{PAGE}{name}/").status_code == 405
    boss.post(f"{PAGE}resume/")
    boss.post(f"{PAGE}pause/")
    assert "it was so already" in boss.post(f"{PAGE}pause/", follow=True).content.decode()
    assert is_everything_paused()


def test_the_pages_of_chains_say_so_too(boss: Client, staff: Staff) -> None:
    """They used to look as if everything ran."""
    make_template()
    chain = live_chain([("letter", "send_email", {"template": "reminder"})])
    own = f"/admin/triggers/chain/{chain.pk}/"
    pages = [
        "/admin/triggers/chain/",
        *(f"{own}{page}" for page in ("change/", "live/", "publish/", "steps/add/")),
    ]
    for page in pages:
        assert "Everything is paused" not in boss.get(page).content.decode(), page
    pause_everything("wrong price")
    for page in pages:
        text = boss.get(page).content.decode()
        assert "Everything is paused" in text, page
        assert "wrong price" in text, page
        assert "Resume everything" in text, page
    looker = staff("view_chain")
    assert "Resume everything" not in looker.get(pages[0]).content.decode()
