"""Templates and values that broke comparable systems: each must be refused or harmless, quickly and in little memory."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from tests.content.samples import context
from tests.content.test_places import Shape
from triggers.content.language import compile_template
from triggers.content.letter import LetterSource, compile_letter
from triggers.content.variables import LETTER_VARIABLES
from triggers.exceptions import RenderError, TemplateError

# Seconds of processor time, and bytes; a template that is refused takes far less.
MOST_SECONDS = 2.0
MOST_BYTES = 64 * 2**20


@pytest.fixture
def limited() -> Iterator[None]:
    tracemalloc.start()
    started = time.process_time()
    yield
    seconds = time.process_time() - started
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Tracing memory makes allocations about three times slower.
    assert seconds < 3 * MOST_SECONDS
    assert peak < MOST_BYTES


# -- A1: leaving the language --

TAGS = (
    "load static", "include 'x'", "extends 'x'", "debug", "lorem 5 w", "autoescape off", "now 'Y'", "csrf_token", "url 'admin:index'",
    "block x", "filter upper", "regroup a by b as c", "ssi '/etc/passwd'", "templatetag openblock", "verbatim", "widthratio 1 2 3",
    "cycle 1 2", "ifchanged", "resetcycle", "querystring", "trans 'x'", "blocktrans", "get_current_language as x", "partialdef x",
    "static 'x'", "cache 5 x", "import os", "macro x", "set x=1",
)  # fmt: skip
FILTERS = (
    "safe", "safeseq", "force_escape", "escape", "escapejs", "ljust:'9'", "rjust:'9'", "center:'9'", "wordwrap:1", "make_list", "stringformat:'s'",
    "pprint", "random", "slice:'1:'", "dictsort:'x'", "unordered_list", "json_script:'x'", "cut:'x'", "attr:'x'", "phone2numeric", "iriencode",
    "filesizeformat", "timesince", "linenumbers", "urlize", "truncatechars_html:5", "addslashes", "get_digit:1", "format:'x'",
)  # fmt: skip
PATHS = (
    "x.__class__", "x.__init__.__globals__", "_private", "contact._meta", "contact.__dict__", "request", "request.user.password", "settings.SECRET_KEY",
    "self", "forloop.parentloop", "cart.items.append", "cart.clear", "contact.first_name.format", "contact.delete", "contact.objects",
    "contact.attributes.__class__", "event.data._state.db", "True.real", "cart.total.as_tuple", "contact.first_name.0", "config", "env",
)  # fmt: skip


@pytest.mark.parametrize("tag", TAGS)
def test_unknown_tags_are_refused_with_their_line(tag: str) -> None:
    with pytest.raises(TemplateError) as error:
        compile_template("<p>\n{% " + tag + " %}", where="html")
    assert error.value.line == 2
    assert tag.split(maxsplit=1)[0] in error.value.message


@pytest.mark.parametrize("expression", FILTERS)
def test_unknown_filters_are_refused(expression: str) -> None:
    with pytest.raises(TemplateError, match=f"no filter “{expression.partition(':')[0]}”"):
        compile_template("{{ x|" + expression + " }}", where="html")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "source",
    [
        "{{ %s }}",
        "{%% if %s %%}{%% endif %%}",
        "{{ contact.first_name|default:%s }}",
        "{%% with a=%s %%}{{ a }}{%% endwith %%}",
    ],
)
def test_undeclared_paths_are_refused(path: str, source: str) -> None:
    with pytest.raises(TemplateError):
        compile_template(source % path, where="text", variables=LETTER_VARIABLES)


@pytest.mark.parametrize("path", PATHS)
def test_without_a_declaration_such_paths_lead_nowhere(path: str) -> None:
    data = {**context(), "x": {"a": [1]}}
    try:
        template = compile_template("{% if " + path + " %}reached{% endif %}", where="text")
    except TemplateError:
        return
    assert template.render(data) == ""
    assert data["cart"] == context()["cart"]


class Model:
    """Anything with methods and secrets."""

    password = "secret"

    def delete(self) -> None:
        raise AssertionError("called")


@pytest.mark.parametrize("value", [Model(), Model, Model().delete, compile_template, {"deep": [Model()]}])
def test_no_object_enters_a_template(value: Any) -> None:
    with pytest.raises(RenderError, match="plain data"):
        compile_template("Hello", where="text").render({"x": value})


# -- A2: bombs --

LONG = {
    "text": "x" * 150_000,
    "rows": list(range(1_000)),
    "chars": "x" * 32,
    "words": ["y" * 1_000] * 1_000,
    "n": 10**15,
}


def nested(count: int, inner: str = "x", over: str = "rows") -> str:
    loops = "".join(f"{{% for i{at} in {over} %}}" for at in range(count))
    return loops + inner + "{% endfor %}" * count


BOMBS = {
    "ljust": "{{ 'a'|ljust:'2000000000' }}",
    "center": "{{ 'a'|center:'2000000000' }}",
    "stringformat": "{{ n|stringformat:'0999999999d' }}",
    "lorem": "{% lorem 20000000 w %}",
    "wordwrap": "{{ text|wordwrap:1 }}",
    "floatformat": "{{ n|floatformat:1000000000 }}",
    "floatformat by variable": "{{ n|floatformat:n }}",
    "two loops": nested(2),
    "five loops": nested(5),
    "empty loops": nested(4, ""),
    "loops over text": nested(5, over="chars"),
    "loops side by side": nested(1, "") * 11,
    "loop and long text": nested(1, "{{ text }}"),
    "loop and long filters": nested(1, "{{ text|upper|lower|upper|lower|truncatechars:1 }}"),
    "loop and long condition": nested(1, "{% if 'zz' in text %}{% endif %}"),
    "loop and long comparison": nested(1, "{% if words == rows or rows == words %}{% endif %}"),
    "loop and long filter condition": nested(
        1, "{% if text|upper|lower == 'a' or text|title == 'b' %}{% endif %}"
    ),
    "loop and join": nested(1, "{{ rows|join:text }}"),
    "join": "{{ words|join:'" + "z" * 100 + "' }}",
    "spaceless": "{% spaceless %}" * 19 + nested(1, "<p> </p>" * 500) + "{% endspaceless %}" * 19,
    "doubling": "".join("{% with v=v|add:v %}" for _ in range(31)) + "{{ v }}" + "{% endwith %}" * 31,
    "doubling text": "{% with a=text|add:text %}{{ a }}{% endwith %}",
    "many filters": "{{ text" + "|upper" * 20_000 + " }}",
    "nine filters": "{{ text" + "|upper" * 9 + " }}",
    "nested ifs": "{% if n %}" * 3_000 + "{% endif %}" * 3_000,
    "nested fors": nested(3_000),
    "nested withs": "{% with a=n %}" * 3_000 + "{% endwith %}" * 3_000,
    "unclosed ifs": "{% if n %}" * 15_000,
    "elifs": "{% if n == 1 %}" + "{% elif n == 1 %}" * 10_000 + "{% endif %}",
    "condition of nots": "{% if " + "not " * 200 + "n %}{% endif %}",
    "condition of ors": "{% if " + "n or " * 30_000 + "n %}{% endif %}",
    "condition of parentheses": "{% if " + "(" * 300 + "n" + ")" * 300 + " %}{% endif %}",
    "long path": "{{ " + "a." * 90_000 + "a }}",
    "long literal": "{{ '" + "a" * 190_000 + "' }}",
    "long number": "{{ " + "9" * 190_000 + " }}",
    "open braces": "{{" * 100_000,
    "open tags": "{%" * 100_000,
    "mixed openers": "{{{%{#" * 33_000,
    "many variables": "{{ a }}" * 28_000,
    "many texts": "{{ text }}" * 15_000,
    "many filters in all": "{{ text|upper }}" * 12_000,
    "quotes": '{{ "' + '\\"' * 400 + " }}",
    "long source": "x" * 200_001,
    "open tags of html": "<a " * 66_000,
    "open attributes": "<a " + "b='" * 60_000,
    "open comments of html": "<!--" * 50_000,
    "open conditional comments": "<!--[if" * 28_000,
    "open declarations": "<!" * 100_000,
    "many attributes": "<p " + " ".join(f"a{at}" for at in range(30_000)) + ">",
    "cut html": "<p a{% if n %}" * 15,
    "open styles": "<style>" * 28_000,
    "many css addresses": "<style>" + "url(" * 40_000,
    "many firsts": "{% firstof " + "none " * 190 + "%}",
    "striptags": "{{ text|striptags }}",
    "striptags of brackets": nested(1, "{{ brackets|striptags }}"),
    "truncatewords": "{{ text|truncatewords:2000 }}",
    "linebreaks": nested(1, "{{ lines|linebreaks }}"),
    "urlencode again and again": "{{ percents|urlencode|urlencode|urlencode|urlencode|urlencode|urlencode|urlencode|urlencode }}"
    * 60,
    "date formats": nested(1, "{{ day|date:'" + "r" * 50 + "' }}" * 40),
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.usefixtures("limited")
def test_bombs_are_stopped(name: str) -> None:
    data = {
        **LONG,
        "brackets": "<a " * 6_000,
        "lines": "\n" * 19_000,
        "percents": "%" * 100_000,
        "day": "2026-01-01",
    }
    with pytest.raises((TemplateError, RenderError)):
        compile_template(BOMBS[name], where="html").render(data)


@pytest.mark.parametrize(
    "text", ["{#" * 99_000, "<" * 199_000, "#}" * 99_000, "}}" * 99_000, "&" * 199_000, "-->" * 66_000]
)
@pytest.mark.usefixtures("limited")
def test_long_text_without_a_meaning_is_text(text: str) -> None:
    assert compile_template(text, where="html").render({}) == text


@pytest.mark.usefixtures("limited")
def test_a_bomb_fails_its_own_message_only() -> None:
    template = compile_template(nested(3), where="html")
    with pytest.raises(RenderError):
        template.render(LONG)
    assert template.render({"rows": [1, 2]}) == "x" * 8


def test_a_deep_stack_of_the_caller_gives_our_error() -> None:
    def deeper(levels: int) -> str:
        if levels:
            return deeper(levels - 1)
        return compile_template("{% if a %}" * 19 + "x" + "{% endif %}" * 19, where="html").render({"a": 1})

    refused = 0
    for levels in range(700, 1_000, 3):
        try:
            assert deeper(levels) == "x"
        except (TemplateError, RenderError):
            refused += 1
        except RecursionError:
            break
    assert refused


# -- A3: text from data is text --

SECOND_ORDER = (
    "{{ contact.email }}", "{% if 1 %}x{% endif %}", "{# x #}", "%unsubscribe_url%", "{% load x %}", "%(first_name)s", "${7*7}", "#{7*7}",
    "*|FNAME|*", "<mj-text>x</mj-text>", "{{{{ x }}}}", "\\{{ x }}",
)  # fmt: skip


@pytest.mark.parametrize("value", SECOND_ORDER)
def test_data_is_never_compiled(value: str) -> None:
    source = LetterSource(
        "{{ contact.first_name }}", "{{ contact.first_name }}", "<p>{{ contact.first_name }}</p>"
    )
    letter = compile_letter(source).render(context(contact={"first_name": value}))
    assert (letter.subject, letter.preheader, letter.text) == (value, value, value)
    assert "anna@example.com" not in letter.html


# -- A4: one value, every context --


@pytest.mark.parametrize(
    "value", ['"><script>x</script>', "</style><b>", "Tom & Jerry's", "a\r\nb: c", "<img/src=x onerror=y>"]
)
def test_each_part_escapes_for_itself(value: str) -> None:
    source = LetterSource(
        "{{ contact.first_name }}",
        html='<p title="{{ contact.first_name }}">{{ contact.first_name }}</p><a href="https://a.example/?q={{ contact.first_name }}">b</a>',
        text="{{ contact.first_name }}",
    )
    letter = compile_letter(source).render(context(contact={"first_name": value}))
    assert letter.text == value
    assert "\n" not in letter.subject
    assert Shape(letter.html).seen == [("html",), ("head",), ("body",), ("p", "title"), ("a", "href")]


# -- A5: what a preview would run --


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>", "<svg onload=x>", "<svg><style><img src=x onerror=y></style></svg>", "<iframe srcdoc='x'>",
        "<meta http-equiv=refresh content='0;url=//e'>", "<base href=//e>", "<form action=/admin/><input name=x></form>",
        "<math><mtext><table><mglyph><style><img src=x onerror=y>", "<noscript><p title='</noscript><img src=x onerror=y>'>",
        "<img src=x onerror=y>", "<a href='javascript:x'>a</a>", "<p style='background:url(javascript:x)'>", "<object data=x>", "<embed src=x>",
        "<textarea><p title='</textarea><img src=x onerror=y>'>", "<template><b></template>", "<video src=x>", "<body onload=x>",
        "<xmp><p title='</xmp><img src=x onerror=y>'>", "<link rel=import href=x>", "<a/href='javascript:x'>", "<a href=\"\x01javascript:x\">",
    ],
)  # fmt: skip
def test_active_html_is_refused_when_it_is_saved(html: str) -> None:
    with pytest.raises(TemplateError) as error:
        compile_letter(LetterSource("S", html=html))
    assert error.value.line == 1
