"""Suppressions hold canonical addresses, or senders would not recognise them."""

from __future__ import annotations

from django.test import Client

from triggers.models import Suppression


def test_addresses_are_suppressed_in_their_canonical_form(boss: Client) -> None:
    form = {"channel": "email", "address": "Anna@EXAMPLE.com ", "reason": "manual"}
    boss.post("/admin/triggers/suppression/add/", form)
    assert Suppression.objects.get().address == "anna@example.com"
    assert "already exists" in boss.post("/admin/triggers/suppression/add/", form).content.decode()
    for channel, address in (
        ("email", "nobody"),
        ("email", "a@b.example, c@d.example"),
        ("sms", "anna@example.com"),
    ):
        response = boss.post(
            "/admin/triggers/suppression/add/", form | {"channel": channel, "address": address}
        )
        assert "This is not exactly one" in response.content.decode()
