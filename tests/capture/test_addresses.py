"""Exactly one address, or none: what is parsed, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings
from hypothesis import example, given
from hypothesis import strategies as st

from triggers.addresses import parse_email, parse_phone
from triggers.exceptions import InvalidAddress

LONG_LOCAL = "x" * 64
LONG_LABEL = "a" * 63


@pytest.mark.parametrize(
    ("text", "email", "key"),
    [
        ("ann@example.com", "ann@example.com", "ann@example.com"),
        ("  Ann@EXAMPLE.com\n", "Ann@example.com", "ann@example.com"),
        ("a.b+tag@example.com", "a.b+tag@example.com", "a.b+tag@example.com"),
        ("o'neil@example.com", "o'neil@example.com", "o'neil@example.com"),
        ("ann@exämple.com", "ann@exämple.com", "ann@xn--exmple-cua.com"),
        ("ann@xn--exmple-cua.com", "ann@exämple.com", "ann@xn--exmple-cua.com"),
        ("ann@ｅxample.com", "ann@example.com", "ann@example.com"),
        ("mu\u0308ller@example.com", "müller@example.com", r"m\xfcller@example.com"),
        ("MÜLLER@example.com", "MÜLLER@example.com", r"m\xfcller@example.com"),
        ("почта@example.com", "почта@example.com", r"\u043f\u043e\u0447\u0442\u0430@example.com"),
        (f"{LONG_LOCAL}@example.com", f"{LONG_LOCAL}@example.com", f"{LONG_LOCAL}@example.com"),
    ],
)
def test_good_emails(text: str, email: str, key: str) -> None:
    assert parse_email(text) == (email, key)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("paypal@example.com", "pаypal@example.com"),
        ("ann@paypal.com", "ann@pаypal.com"),
        ("muller@example.com", "müller@example.com"),
        ("mike@example.com", "mıke@example.com"),
        ("strasse@example.com", "straße@example.com"),
        ("fi@example.com", "ﬁ@example.com"),
    ],
    ids=["Cyrillic a", "Cyrillic a in the domain", "umlaut", "dotless i", "sharp s", "ligature"],
)
def test_look_alikes_stay_two_people(one: str, other: str) -> None:
    keys = {parse_email(one).key, parse_email(other).key}
    assert len(keys) == 2
    assert all(key.isascii() for key in keys)


BAD_EMAILS = [
    *("", " ", "@", "a", "a@", "@b.c", "a@b", "a@@b.c", "a b@c.de", "a@b c.de", "a@b..c", ".a@b.c", "a.@b.c"),
    *("a..b@c.de", "a@-b.de", "a@b-.de", "a@b.c.", "a@.b.c", "a@b_c.de", "a@localhost", "a@shop.invalid"),
    *("a@b.c, evil@e.com", "a@b.c,evil@e.com", "a@b.c; evil@e.com", "a@b.c evil@e.com", "a@b.c\tevil@e.com"),
    *("a@b.c\nevil@e.com", "a@b.c\r\nBcc: evil@e.com", "a\r\nBcc: evil@e.com\r\n@b.c", "a@b.c>,<evil@e.com"),
    *("a@b.c\0", "a\0@b.c", "\0", "a@b.c\0evil@e.com", "a@b.c%0aBcc:evil@e.com", "a@b.c?bcc=evil@e.com"),
    *("Ann <a@b.c>", "<a@b.c>", '"Ann" a@b.c', "mailto:a@b.c", "a@b.c(comment)", "(comment)a@b.c"),
    *('"a b"@c.de', '"a@evil.com"@c.de', '"a\\"b"@c.de', '"evil@e.com, x"@c.de', '""@c.de', "a\\@b@c.de"),
    *("a@[127.0.0.1]", "a@127.0.0.1", "a@[IPv6:::1]", "a＠b.de", "a@b。", "\u202ea@b.de", "a\u200b@b.de"),
    *(
        "a@b\u2028.de",
        "a\x0b@b.de",
        "a\x7f@b.de",
        "\ud800@b.de",
        "a@\udc00b.de",
        "a@xn--.de",
        "a@b.d\u00ade\u200f",
    ),
    *(f"a@{'b' * 64}.de", "x" * 300, f"{'x' * 300}@b.de", f"a@{'b.' * 150}de", "x" * 1_000_000),
    f"a@{'.'.join([LONG_LABEL] * 4)}.de",
    # Short as it is written, longer than its column in ASCII.
    f"{'я' * 41}@example.com",
    f"{'я' * 20}@{'.'.join(['漢あüбñ' * 3] * 5)}.com",
]


@pytest.mark.parametrize("text", BAD_EMAILS, ids=lambda text: ascii(text)[:40])
def test_bad_emails(text: str) -> None:
    with pytest.raises(InvalidAddress):
        parse_email(text)


@pytest.mark.parametrize("thing", [None, 5, b"a@b.de", ["a@b.de"], {"a@b.de"}, object()])
def test_what_is_no_text_is_no_address(thing: Any) -> None:
    with pytest.raises(InvalidAddress):
        parse_email(thing)
    with pytest.raises(InvalidAddress):
        parse_phone(thing)


parts = st.text(st.characters() | st.sampled_from("@.,;:<>\"\\ \r\n\0+-_'()%üßİ"), max_size=12)


@given(parts, parts, st.text(st.sampled_from("ab.-@, \n"), max_size=8))
@example("İ", "example.com", "")
@example("ẞ", "example.com", "")
def test_every_text_is_one_address_or_refused(local: str, domain: str, rest: str) -> None:
    for text in (f"{local}@{domain}{rest}", f"{local}@example.com"):
        try:
            email, key = parse_email(text)
        except InvalidAddress:
            continue
        assert email.count("@") == 1
        assert not set(email) & set(' ,;<>\r\n\0\t"')
        assert key.isascii()
        assert len(key) <= 254
        assert key == key.lower()
        assert parse_email(email) == (email, key), "parsed again before it is sent, it is the same"


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("+49 30 23125 142", None, "+493023125142"),
        ("030 23125142", "DE", "+493023125142"),
        ("(202) 555-0142", None, "+12025550142"),
        ("+1.202.555.0142", None, "+12025550142"),
        ("0049 30 23125142", "FR", "+493023125142"),
        ("＋４９３０２３１２５１４２", None, "+493023125142"),
        (" +44 20 7946 0958 \n", None, "+442079460958"),
        ("8 (912) 345-67-89", "RU", "+79123456789"),
    ],
)
def test_good_phones(text: str, country: str | None, expected: str) -> None:
    assert parse_phone(text, country) == expected
    assert parse_phone(expected) == expected


def test_the_shops_country_is_a_setting() -> None:
    with override_settings(TRIGGERS={"DEFAULT_COUNTRY": "DE"}):
        assert parse_phone("030 23125142") == "+493023125142"


BAD_PHONES = [
    *("", " ", "+", "12", "abc", "+1", "+999 123 456 789", "0" * 40, "1" * 41, "1" * 1_000_000),
    *("+1 202 555 0142, +1 202 555 0143", "+12025550142/+12025550143", "+12025550142;+12025550143"),
    *("2025550142 / x 2025550143", "+1 202 555 0142 or +1 202 555 0143", "+12025550142\n+12025550143"),
    *(
        "+12025550142\r\nBcc: x",
        "+1202555014\x002",
        "call +12025550142",
        "<b>+12025550142",
        "ann@example.com",
    ),
    *("tel:+12025550142;phone-context=evil", "+12025550142 ext 5", "1-800-FLOWERS", "\ud800+12025550142"),
]


@pytest.mark.parametrize("text", BAD_PHONES, ids=lambda text: ascii(text)[:40])
def test_bad_phones(text: str) -> None:
    with pytest.raises(InvalidAddress):
        parse_phone(text)


@pytest.mark.parametrize("country", ["", "ZZ", "Germany", "us", "\0"])
def test_a_country_that_does_not_exist(country: str) -> None:
    """An empty one is the shop's; with others only numbers that bring their own can be read."""
    assert parse_phone("+49 30 23125142", country) == "+493023125142"


@given(st.text(st.sampled_from("0123456789+()-./ x,;ext٠１"), max_size=40))
def test_every_text_is_one_number_or_refused(text: str) -> None:
    try:
        phone = parse_phone(text)
    except InvalidAddress:
        return
    assert phone[0] == "+"
    assert phone[1:].isascii()
    assert phone[1:].isdigit()
    assert len(phone) <= 16
    assert parse_phone(phone) == phone
