"""The same values in every place of a letter: nothing may leave its place."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triggers.content.language import compile_template
from triggers.exceptions import RenderError, TemplateError

EVIL = "\"><script>alert(1)</script>'&</style> onload=x"


def filled(source: str, value: object) -> str:
    return compile_template(source, where="html").render({"x": value, "y": "script:alert(1)"})


class Shape(HTMLParser):
    """Tags with the names of their attributes, in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, ...]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, *(name for name, _ in attrs)))


@pytest.mark.parametrize(
    "source",
    [
        "<p>{{ x }}</p>",
        '<p title="{{ x }}">a</p>',
        "<p title='{{ x }}'>a</p>",
        '<a href="https://a.example/{{ x }}">a</a>',
        '<a href="https://a.example/?q={{ x }}">a</a>',
        "<a href='https://a.example/?q={{ x }}'>a</a>",
        "<!-- {{ x }} --><p>a</p>",
        "<!--[if mso]><p>{{ x }}</p><![endif]--><p>a</p>",
        "<title>{{ x }}</title>",
        "{% if x %}<p>{{ x }}</p>{% endif %}",
        "{% with y=x %}<p>{{ y|default:'b' }}</p>{% endwith %}",
        "<p>{% firstof x 'b' %}</p>",
        '<p>{{ x|default:"</p><script>" }}</p>',
        "<p>{{ x|linebreaks }}</p>",
        '<p>{{ "<script>" }}</p>',
    ],
)
@pytest.mark.parametrize(
    "value", [EVIL, "--><img src=x onerror=y>", "<svg onload=x>", "<!--", "a&b", "a\u2028b"]
)
def test_no_value_adds_a_tag_or_an_attribute(source: str, value: str) -> None:
    assert Shape(filled(source, value)).seen == Shape(filled(source, "harmless")).seen


@pytest.mark.parametrize(
    ("source", "value", "result"),
    [
        ("<p>{{ x }}</p>", "a & <b>", "<p>a &amp; &lt;b&gt;</p>"),
        ('<p title="{{ x }}">', 'a "b"', '<p title="a &quot;b&quot;">'),
        ('<a href="{{ x }}">', "https://a.example/?a=1&b=2", '<a href="https://a.example/?a=1&amp;b=2">'),
        ('<a href="{{ x }}">', "https://a.example/страница с", '<a href="https://a.example/%D1%81%D1%82%D1%80%D0%B0%D0%BD%D0%B8%D1%86%D0%B0%D1%81">'),
        ('<a href="https://a.example/{{ x }}">', "b c?d=e", '<a href="https://a.example/b%20c?d=e">'),
        ('<a href="https://a.example/?q={{ x }}">', "a&b=c d/é", '<a href="https://a.example/?q=a%26b%3Dc%20d%2F%C3%A9">'),
        ('<a href="https://a.example/?q={{ x|urlencode }}">', "a b", '<a href="https://a.example/?q=a%20b">'),
        ('<a href="{{ x }}?q={{ x }}">', "https://a.example", '<a href="https://a.example?q=https%3A%2F%2Fa.example">'),
        ('<a href="mailto:{{ x }}">', "anna@example.com", '<a href="mailto:anna@example.com">'),
        ('<a href="tel:{{ x }}">', "+371 20 000", '<a href="tel:+371%2020%20000">'),
        ('<img src="{{ x }}">', "cid:logo", '<img src="cid:logo">'),
        ('<a href="{{ x }}">', "/relative/a:b", '<a href="/relative/a:b">'),
        ('<p style="color: {{ x }}">', "#ff0000", '<p style="color: #ff0000">'),
        ('<p style="width: {{ x }}px">', 20, '<p style="width: 20px">'),
        ("<style>p{background:url({{ x }})}</style>", "https://a.example/b.png", "<style>p{background:url(https://a.example/b.png)}</style>"),
        ("<p>{{ x|linebreaksbr }}</p>", "a\nb<", "<p>a<br>b&lt;</p>"),
        ("a < {{ x }} > b", "c", "a < c > b"),
        ("<td {% if x %}class='a'{% endif %}>{{ x }}", "b", "<td class='a'>b"),
        ('<a href="{% if x %}{{ x }}{% else %}https://b.example{% endif %}">', "https://a.example", '<a href="https://a.example">'),
        ("<v:rect xmlns:v='urn:x' href='{{ x }}'>", "https://a.example", "<v:rect xmlns:v='urn:x' href='https://a.example'>"),
    ],
)  # fmt: skip
def test_escaping_fits_the_place(source: str, value: object, result: str) -> None:
    assert filled(source, value) == result


BAD_ADDRESSES = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "  javascript:alert(1)",
    "java\nscript:alert(1)",
    "java\tscript:alert(1)",
    "\x01javascript:alert(1)",
    "vbscript:x",
    "data:text/html,<script>alert(1)</script>",
    "file:///etc/passwd",
    "blob:x",
    ":x",
    "javascript&colon;x:",
]


@pytest.mark.parametrize("value", BAD_ADDRESSES)
@pytest.mark.parametrize(
    "source",
    [
        '<a href="{{ x }}">a</a>',
        "<a HREF = ' {{ x }}'>a</a>",
        '<img src="{{ x }}">',
        '<td background="{{ x }}">',
        '<a href="{% if x %}{{ x }}{% endif %}">',
        '<a href="{% if no %}https://a.example/{% endif %}{{ x }}">',
        '<a href="{% for a in no %}/{% empty %}{% endfor %}{{ x }}">',
        "<a href=\"{{ x|default:'b' }}\">",
        '<a href="{% firstof x %}">',
        '<!--[if mso]><v:rect href="{{ x }}"><![endif]-->',
    ],
)
def test_a_value_cannot_bring_a_scheme(source: str, value: str) -> None:
    with pytest.raises(RenderError, match="is not an address"):
        filled(source, value)


def test_a_scheme_cannot_be_put_together() -> None:
    with pytest.raises(RenderError):
        filled('<a href="{{ x }}{{ y }}">', "java")
    with pytest.raises(RenderError):
        filled('<a href="java{{ y }}">', "")


@pytest.mark.parametrize(
    "value",
    [
        "red;background:url(//e)",
        "expression(alert(1))",
        "url(javascript:x)",
        "a}b{",
        "</style>",
        "\\75rl",
        '"',
    ],
)
@pytest.mark.parametrize("source", ['<p style="color:{{ x }}">', "<style>p{color:{{ x }}}</style>"])
def test_a_value_cannot_write_style_rules(source: str, value: str) -> None:
    with pytest.raises(RenderError, match="style rule"):
        filled(source, value)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("<a href={{ x }}>", "quotes"),
        ("<p title=a{{ x }}>", "quotes"),
        ("<p {{ x }}>", "cannot be part of a tag"),
        ("<p title{{ x }}='a'>", "cannot be part of a tag"),
        ("<{{ x }}>", "cannot be part of a tag"),
        ("</{{ x }}>", "cannot be part of a tag"),
        ("<h{{ x }}>", "write a space"),
        ("<scr{% if x %}ipt{% endif %}>", "write a space"),
        ("<script>{{ x }}</script>", "<script>"),
        ("<script src='https://a.example/b.js'></script>", "<script>"),
        ("<SCRIPT>x</SCRIPT>", "<script>"),
        ("<iframe srcdoc='x'></iframe>", "<iframe>"),
        ("<object data='x'></object>", "<object>"),
        ("<base href='https://a.example'>", "<base>"),
        ("<form action='/admin/'>", "<form>"),
        ("<svg onload='x'>", "<svg>"),
        ("<math><mtext></mtext></math>", "<math>"),
        ("<link rel='stylesheet' href='https://a.example/b.css'>", "<link>"),
        ("<link rel=stylesheet href=file:///etc/passwd>", "<link>"),
        ("<meta http-equiv='refresh' content='0;url=https://a.example'>", "by itself"),
        ("<meta http-equiv=Refresh content='0'>", "by itself"),
        ("<p onclick='x'>", "“onclick”"),
        ("<p/onclick=x>", "“onclick”"),
        ("<p ONMOUSEOVER=\"{{ x }}\">", "“onmouseover”"),
        ("<a href='javascript:x'>", "cannot begin with"),
        ("<a href=javascript:x>", "cannot begin with"),
        ("<a href='&#106;avascript:x'>", "cannot begin with"),
        ("<a href='java\nscript:x'>", "cannot begin with"),
        ("<a href='javascript&#58;x'>", "cannot begin with"),
        ("<img src='file:///etc/passwd'>", "cannot begin with"),
        ("<img src='data:image/svg+xml,x'>", "cannot begin with"),
        ("<a href='{{ x }}:x'>", "cannot begin with"),
        ("<a href='javascript&#5{{ x }}'>", "inside of &"),
        ("<style>@import url(https://a.example/b.css)</style>", "@import"),
        ("<style>p{background:url('file:///etc/passwd')}</style>", "cannot load"),
        ("<p style=\"background:url(javascript:x)\">", "cannot load"),
        ("<p title='{{ x }}", "ends inside"),
        ("<p {% if x %}title='a{% endif %}'>", "different places"),
        ("<!-- {{ x }}", "ends inside"),
        ("<style>p{", "ends inside"),
        ("{% if x %}<p title='{% else %}<p>{% endif %}{{ x }}", "different places"),
        ("{% for a in x %}<p title='{% endfor %}'>", "different places"),
        ("<p " + "a b " * 60 + ">", "more than 100 attributes"),
    ],
)  # fmt: skip
def test_places_where_nothing_helps_are_refused(source: str, words: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(words)) as error:
        compile_template(source, where="html")
    assert error.value.line


def test_the_place_of_a_refusal_is_exact() -> None:
    with pytest.raises(TemplateError) as error:
        compile_template("<p>\n  <b>x</b> <script>", where="html")
    assert (error.value.line, error.value.column) == (2, 12)


def test_plain_text_knows_no_places() -> None:
    template = compile_template("<a href={{ x }}> <script>", where="text", autoescape=False)
    assert template.render({"x": "a & b"}) == "<a href=a & b> <script>"


@given(st.text(max_size=30))
def test_whatever_the_value_the_tags_stay(value: str) -> None:
    source = (
        '<p title="{{ x }}">{{ x }}</p><a href="https://a.example/{{ x }}?q={{ x }}">{{ x|linebreaksbr }}</a>'
    )
    try:
        shape = Shape(filled(source, value)).seen
    except RenderError:
        return
    assert [tag for tag in shape if tag != ("br",)] == [("p", "title"), ("a", "href")]
