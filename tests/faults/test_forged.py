"""Reports that somebody made up, at the addresses where a provider's real ones arrive."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests.faults.scenario import Scenario
from triggers.models import Message, Suppression
from triggers.testing import run_due

pytestmark = [pytest.mark.django_db, pytest.mark.only_on("postgres")]
SECRETS = {"WEBHOOK_SECRET": "shop:right", "MAILGUN_WEBHOOK_SIGNING_KEY": "right"}
Post = Callable[[Message, str], int]


def brevo(message: Message, secret: str) -> int:
    """A hard bounce behind HTTP's basic authentication. Source: anymail's webhooks/brevo.py, version 15."""
    body = {
        "event": "hard_bounce",
        "email": message.address,
        "id": 1,
        "ts_epoch": 1_700_000_000_000,
        "X-Mailin-custom": json.dumps({"triggers_message": message.uid.hex}),
    }
    return _post("brevo", body, f"shop:{secret}")


def mailgun(message: Message, secret: str) -> int:
    """A hard bounce signed by HMAC, beside the authentication. Source: anymail's webhooks/mailgun.py, version 15."""
    token, timestamp = "a-token", "1700000000"
    signature = hmac.new(secret.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    event = {
        "event": "failed",
        "severity": "permanent",
        "reason": "bounce",
        "id": "an-event",
        "timestamp": 1_700_000_000.0,
        "recipient": message.address,
        "delivery-status": {"code": 550, "message": "no such user"},
        "user-variables": {"triggers_message": message.uid.hex},
    }
    body = {
        "signature": {"token": token, "timestamp": timestamp, "signature": signature},
        "event-data": event,
    }
    return _post("mailgun", body, "shop:right")


def _post(provider: str, body: dict[str, Any], login: str) -> int:
    headers = {"Authorization": "Basic " + b64encode(login.encode()).decode()} if login else {}
    answer = Client().post(
        f"/anymail/{provider}/tracking/", json.dumps(body), content_type="application/json", headers=headers
    )
    return answer.status_code


@pytest.mark.fault("F17")
@pytest.mark.parametrize("post", [brevo, mailgun], ids=lambda post: post.__name__)
def test_only_who_knows_the_secret_is_believed(quick_shop: Scenario, settings: Any, post: Post) -> None:
    """A made-up bounce would suppress a customer's address for good."""
    settings.ANYMAIL = SECRETS
    quick_shop.fill_carts("ann")
    run_due()
    message = Message.objects.get(template_key="reminder")
    before = list(Message.objects.order_by("pk").values())
    for secret in ("wrong", "", "Right"):
        assert post(message, secret) == 400
    assert list(Message.objects.order_by("pk").values()) == before
    assert not Suppression.objects.exists()
    assert post(message, "right") == 200
    message.refresh_from_db()
    assert message.state == "bounced"
    assert Suppression.objects.count() == 1
