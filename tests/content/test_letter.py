from __future__ import annotations

import pytest
from django.test import override_settings
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from tests.content.samples import context
from triggers.content.letter import (
    LetterSource,
    RenderedLetter,
    compile_letter,
    compile_text,
    header_line,
    letter_problems,
)
from triggers.exceptions import RenderError, TemplateError

HTML = """<html><head><title>{{ message.subject }}</title><style>.price { color: red }</style></head>
<body class="x > y"><p>Hello {{ contact.first_name|default:"friend" }},</p>
<table>{% for item in cart.items %}
<tr><td>{% if item.image_url %}<img src="{{ item.image_url }}" alt="{{ item.name }}">{% endif %}</td>
<td><a href="{{ item.url }}">{{ item.name }}</a></td><td>{{ item.quantity }}</td><td class="price">{{ item.total|money:cart.currency }}</td></tr>
{% endfor %}</table>
<p>{{ cart.count }} {{ cart.count|plural:"item,items" }}, {{ cart.total|money:cart.currency }} in all. <a href="{{ cart.url }}">Back to the cart</a></p>
<p><a href="{{ links.unsubscribe }}">Unsubscribe</a></p></body></html>"""

TEXT = """Hello Anna,

Lamp 1 <& co> (https://shop.example/lamps/1?a=1&b=2)  2  €39.80
Lamp 2 <& co> (https://shop.example/lamps/2?a=1&b=2)  2  €39.80

2 items, €79.60 in all. Back to the cart (https://shop.example/cart/restore/x)

Unsubscribe (https://shop.example/u/t)"""


def rendered(data: dict[str, object] | None = None, **parts: str) -> RenderedLetter:
    return compile_letter(LetterSource(**{"subject": "S", **parts})).render(data or context())


def test_a_whole_letter() -> None:
    letter = rendered(
        subject="{{ contact.first_name }}, {{ cart.items.0.name }}",
        preheader="Total {{ cart.total }}",
        html=HTML,
    )
    assert letter.subject == "Anna, Lamp 1 <& co>"
    assert letter.preheader == "Total 79.60"
    assert letter.text == TEXT
    assert "<title>Anna, Lamp 1 &lt;&amp; co&gt;</title>" in letter.html
    assert '<td class="price" style="color: red;">€39.80</td>' in letter.html
    assert '<a href="https://shop.example/lamps/1?a=1&amp;b=2">Lamp 1 &lt;&amp; co&gt;</a>' in letter.html


def test_the_language_of_the_letter_is_the_active_one() -> None:
    with translation.override("ru"):
        letter = rendered(
            text='{{ cart.total|money:cart.currency }}, {{ cart.count }} {{ cart.count|plural:"товар,товара,товаров" }}'
        )
    assert letter.text == "79,60\N{NO-BREAK SPACE}€, 2 товара"


# -- preheader --


def test_the_preheader_is_the_first_thing_in_the_body_and_not_in_the_text() -> None:
    letter = rendered(html=HTML, preheader="Look: {{ cart.items.0.name }}")
    body = letter.html.index("<body")
    assert letter.html[body:].startswith('<body class="x > y"><div style="display:none;')
    assert "Look: Lamp 1 &lt;&amp; co&gt;&#8199;" in letter.html
    assert "Look" not in letter.text


@pytest.mark.parametrize(
    ("html", "start"),
    [
        ("<p>a</p>", "<html><head></head><body><div style="),
        ("<!-- <body> --><body bgcolor=red><p>a", '<body bgcolor="red"><div style='),
        ("<!--[if mso]><body class='mso'><![endif]--><body><p>a", "<body><div style="),
    ],
)
def test_the_preheader_finds_the_body(html: str, start: str) -> None:
    assert start in rendered(html=html, preheader="Look").html


def test_a_preheader_that_the_letter_places_itself_is_not_repeated() -> None:
    letter = rendered(
        html="<body><div style='display:none'>{{ message.preheader }}</div><p>a</p></body>", preheader="Look"
    )
    assert letter.html.count("Look") == 1


def test_no_preheader_no_block() -> None:
    assert "display:none" not in rendered(html="<p>a</p>").html


# -- text part --


def test_a_written_text_part_is_used_without_escaping() -> None:
    letter = rendered(html="<p>x</p>", text="{{ cart.items.0.name }}: {{ cart.items.0.url }}")
    assert letter.text == "Lamp 1 <& co>: https://shop.example/lamps/1?a=1&b=2"


def test_a_letter_of_text_only_has_no_html() -> None:
    assert rendered(text="Hello {{ contact.first_name }}") == RenderedLetter("S", "", "Hello Anna")


# -- subject (A22, A23) --


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("Anna\r\nBcc: evil@example.com", "Hi Anna Bcc: evil@example.com!"),
        ("Anna\nX", "Hi Anna X!"),
        ("Anna\x0bX\x0cY\x1cZ\x85W", "Hi AnnaXYZ W!"),
        ("Anna\u2028X\u2029Y", "Hi Anna X Y!"),
        ("Anna\x00\x1b[31m", "Hi Anna[31m!"),
        ("\u202eannA", "Hi annA!"),
        ("A\u200bn\u2066n\u2069a\ufeff", "Hi Anna!"),
        ("A\ud800nna", "Hi Anna!"),
        ("<b>Tom & Jerry</b>", "Hi <b>Tom & Jerry</b>!"),
        ("{{ contact.email }}", "Hi {{ contact.email }}!"),
        ("e\u0301", "Hi é!"),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", "Hi \U0001f468\u200d\U0001f469\u200d\U0001f467!"),
        ("a" + "\u0335" * 50, "Hi a" + "\u0335" * 4 + "!"),
        ("İstanbul", "Hi İstanbul!"),
    ],
)
def test_a_subject_is_one_safe_line(name: str, subject: str) -> None:
    assert (
        rendered(
            context(contact={"first_name": name}), subject="Hi {{ contact.first_name }}!", text="x"
        ).subject
        == subject
    )


def test_a_subject_has_a_length() -> None:
    subject = rendered(
        context(contact={"first_name": "x" * 50_000}), subject="{{ contact.first_name }}", text="x"
    ).subject
    assert len(subject) == 250
    assert subject.endswith("x…")


@given(st.text(max_size=80))
def test_a_header_line_never_breaks(text: str) -> None:
    line = header_line(text)
    assert len(line.splitlines()) <= 1
    assert not any(character < " " or "\x7f" <= character < "\xa0" for character in line)
    assert header_line(line) == line
    line.encode()


def test_a_subject_that_comes_out_empty_stops_the_letter() -> None:
    with pytest.raises(RenderError, match="subject is empty"):
        rendered(subject="{% if order %}x{% endif %}", text="x")


# -- text messages --


def test_a_text_message() -> None:
    message = compile_text("{{ shop.name }}: {{ contact.first_name }}, {{ links.unsubscribe }}").render(
        context()
    )
    assert message == RenderedLetter("", "", "Lamps & Co: Anna, https://shop.example/u/t")


def test_a_text_message_has_a_length() -> None:
    with pytest.raises(RenderError, match="1530 are possible"):
        compile_text("{{ contact.first_name }}").render(context(contact={"first_name": "x" * 2_000}))


# -- compiling --


def test_equal_sources_share_one_compiled_letter() -> None:
    first, second = (compile_letter(LetterSource("S" + "ubject"[:3], html="<p>x</p>")) for _ in range(2))
    assert first is second
    with override_settings(TRIGGERS={"MAX_SOURCE_CHARS": 5}), pytest.raises(TemplateError):
        compile_letter(LetterSource("Sub" + "", html="<p>x</p>"))


@pytest.mark.parametrize(
    ("source", "problems"),
    [
        (LetterSource(), {"subject": "needs a subject", "html": "needs an HTML part or a text"}),
        (LetterSource(channel="sms"), {"text": "needs a text"}),
        (
            LetterSource("{{ contact.nam }}", "{{ x }}", "<p>\n{% load x %}</p>", "{{ cart.items }}"),
            {"subject": "contact.nam", "preheader": "“x”", "html": "“load”", "text": "is a list"},
        ),
        (LetterSource("{{ message.subject }}", text="x"), {"subject": "message.subject"}),
        (LetterSource("S", html="{{ message.subject }}", text="{{ message.preheader|default:'' }}"), {}),
    ],
)
def test_problems_of_all_fields_are_told_at_once(source: LetterSource, problems: dict[str, str]) -> None:
    found = letter_problems(source)
    assert found.keys() == problems.keys()
    for field, words in problems.items():
        assert words in found[field].message
        assert found[field].message.startswith(f"{field}: ")
    if problems:
        with pytest.raises(TemplateError):
            compile_letter(source)


def test_a_letter_tells_what_it_uses_and_where_it_may_stop() -> None:
    letter = compile_letter(LetterSource("{{ contact.first_name }}", html="<p>{{ cart.total }}</p>"))
    assert letter.uses == {"contact.first_name", "cart.total"}
    assert [gap.path for gap in letter.unguarded["subject"]] == ["contact.first_name"]
    assert "html" not in letter.unguarded


def test_a_gap_stops_the_letter_with_the_name_of_the_part() -> None:
    with pytest.raises(RenderError, match=r"cart.total is empty .* \(html, line 1\)"):
        rendered(context(cart=None), html="<p>{{ cart.total }}</p>")
    with pytest.raises(RenderError, match=r"cart.items is empty .* \{% empty %\}"):
        rendered(
            context(cart={"items": []}), html="<ul>{% for item in cart.items %}<li>x</li>{% endfor %}</ul>"
        )
