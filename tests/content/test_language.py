from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from tests.content.samples import context
from triggers.content.language import compile_template
from triggers.content.variables import LETTER_VARIABLES
from triggers.exceptions import RenderError, TemplateError


def filled(source: str, data: dict[str, Any] | None = None, **options: Any) -> str:
    return compile_template(source, where="text", **{"autoescape": False, **options}).render(data or {})


NBSP = "\N{NO-BREAK SPACE}"


# -- tags --


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("{% if n > 2 %}many{% elif n == 2 %}two{% else %}few{% endif %}", "two"),
        ("{% if n > 1 and not none %}yes{% endif %}", "yes"),
        ("{% if 'b' in rows %}in{% endif %}{% if 'z' in rows %}out{% endif %}", "in"),
        ("{% if missing.deep.path %}x{% else %}y{% endif %}", "y"),
        ("{% if missing > 5 %}x{% else %}y{% endif %}", "y"),
        ("{% if text|add:1 %}x{% else %}y{% endif %}", "y"),
        ("{% for row in rows %}{{ row }}{% if not forloop.last %}, {% endif %}{% endfor %}", "a, b, c"),
        ("{% for row in rows reversed %}{{ forloop.counter }}{{ row }}{% endfor %}", "1c2b3a"),
        ("{% for row in none %}x{% empty %}none{% endfor %}", "none"),
        ("{% for row in none %}x{% endfor %}", ""),
        (
            "{% for a in pairs %}{% for b in a.list %}{{ forloop.parentloop.counter }}{{ b }} {% endfor %}{% endfor %}",
            "1x 1y 2z ",
        ),
        ("{% for text in rows %}{{ text }}{% endfor %}{{ text }}", "abctext"),
        ("{% with a=n b=text %}{{ a }}{{ b }}{% endwith %}", "2text"),
        ("{% with n as a %}{{ a }}{% endwith %}", "2"),
        ("{% firstof none text 'x' %}{% firstof none 'x' %}", "textx"),
        ("{% firstof zero 'x' %}", "0"),
        ("{# gone #}a{% comment %}{{ n }} {% if %}{% endcomment %}b", "ab"),
        ("{% spaceless %}<p> <b>x</b> </p>{% endspaceless %}", "<p><b>x</b></p>"),
        ("{{ '{{' }} {{ \"}\" }}", "{{ }"),
        ("@media x{#main{color:red}}", "@media x{#main{color:red}}"),
    ],
)
def test_tags(source: str, result: str) -> None:
    data = {
        "n": 2,
        "zero": 0,
        "none": None,
        "text": "text",
        "rows": ["a", "b", "c"],
        "pairs": [{"list": ["x", "y"]}, {"list": ["z"]}],
    }
    assert filled(source, data) == result


# -- filters --


@pytest.mark.parametrize(
    ("expression", "value", "result"),
    [
        ("default:'friend'", "", "friend"),
        ("default:'friend'", None, "friend"),
        ("default:'friend'", "  ", "friend"),
        ("default:'friend'", "Anna", "Anna"),
        ("title|default:'friend'", None, "friend"),
        ("default:''", None, ""),
        ("default_if_none:'x'", 0, "0"),
        ("upper", "straße", "STRASSE"),
        ("lower", "ABC", "abc"),
        ("capfirst", "anna", "Anna"),
        ("title", "anna o'neil", "Anna O'Neil"),
        ("truncatechars:5", "Настольная лампа", "Наст…"),
        ("truncatewords:2", "one two three", "one two …"),
        ("striptags", "<b>x</b> &amp; 1 < 2", "x &amp; 1 < 2"),
        ("length", ["a", "b"], "2"),
        ("length", None, "0"),
        ("first", ["a", "b"], "a"),
        ("last", ["a", "b"], "b"),
        ("first", "Anna", "A"),
        ("join:', '", ["a", 1], "a, 1"),
        ("urlencode", "a b&c/d", "a%20b%26c/d"),
        ("urlencode:''", "a/b", "a%2Fb"),
        ("slugify", "Big Lamp!", "big-lamp"),
        ("yesno:'yes,no'", True, "yes"),
        ("yesno:'yes,no'", None, "no"),
        ("yesno:'yes,no,unknown'", None, "unknown"),
        ("add:1", 2, "3"),
        ("add:'-1.5'", Decimal("3.00"), "1.50"),
        ("divisibleby:2", 4, "True"),
        ("floatformat:2", "3.14159", "3.14"),
        ("floatformat", 3.0, "3"),
        ("floatformat:'2g'", 1234567.5, "1,234,567.50"),
        ("pluralize", 1, ""),
        ("pluralize", 2, "s"),
        ("pluralize:'y,ies'", 1, "y"),
        ("date:'Y-m-d'", date(2026, 3, 8), "2026-03-08"),
        ("date:'j F'", "2026-03-08", "8 March"),
        ("date:'H:i'", "2026-03-08T10:30:00+00:00", "10:30"),
        ("time:'H:i'", datetime(2026, 3, 8, 10, 30, tzinfo=UTC), "10:30"),
        ("linebreaksbr", "a\n<b>", "a<br>&lt;b&gt;"),
        ("linebreaks", "a\n\n<b>", "<p>a</p>\n\n<p>&lt;b&gt;</p>"),
    ],
)
def test_filters(expression: str, value: Any, result: str) -> None:
    is_html = "linebreak" in expression
    assert filled("{{ x|" + expression + " }}", {"x": value}, autoescape=is_html) == result


@pytest.mark.parametrize(
    ("count", "russian", "english"),
    [
        (0, "товаров", "items"), (1, "товар", "item"), (2, "товара", "items"), (4, "товара", "items"), (5, "товаров", "items"),
        (11, "товаров", "items"), (12, "товаров", "items"), (14, "товаров", "items"), (21, "товар", "items"), (22, "товара", "items"),
        (111, "товаров", "items"), (121, "товар", "items"), (Decimal("1.5"), "товара", "items"), ("3", "товара", "items"), (-1, "товар", "item"),
    ],
)  # fmt: skip
def test_plural_forms(count: Any, russian: str, english: str) -> None:
    assert filled('{{ n|plural:"товар,товара,товаров" }}', {"n": count}) == russian
    assert filled('{{ n|plural:"item,items" }}', {"n": count}) == english


@pytest.mark.parametrize(
    ("language", "amount", "currency", "result"),
    [
        ("en", Decimal("1234.5"), "EUR", "€1,234.50"),
        ("en", Decimal(-3), "USD", "-$3.00"),
        ("en", 5, "CHF", f"5.00{NBSP}CHF"),
        ("en", "19.90", "gbp", "£19.90"),
        ("ru", Decimal("1234.5"), "RUB", f"1{NBSP}234,50{NBSP}₽"),
        ("de", Decimal("1234.5"), "EUR", f"1.234,50{NBSP}€"),
        ("ja", 1500, "JPY", "¥1,500"),
        ("en", 1500, "JPY", "¥1,500"),
    ],
)
def test_money(language: str, amount: Any, currency: str, result: str) -> None:
    with translation.override(language):
        assert filled("{{ price|money:currency }}", {"price": amount, "currency": currency}) == result


def test_numbers_and_moments_follow_the_language_and_the_zone() -> None:
    data = {"n": Decimal("1.5"), "at": datetime(2026, 3, 8, 22, 30, tzinfo=UTC)}
    with translation.override("ru"), timezone.override("Europe/Moscow"):
        assert filled("{{ n }} {{ at|date:'j E' }}", data) == "1,5 9 марта"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ x|floatformat:99 }}", "at most 10 decimals"),
        ("{{ x|floatformat:'1e9' }}", "at most 10 decimals"),
        ("{{ x|truncatechars:999999999 }}", "whole number from 1 to 10000"),
        ("{{ x|truncatewords:'a' }}", "whole number"),
        ("{{ x|join:'%s' }}" % ("y" * 101), "at most 100 characters"),
        ("{{ x|plural:'one' }}", "2 to 3 forms"),
        ("{{ x|plural:'a,b,c,d' }}", "2 to 3 forms"),
        ("{{ x|money:'EURO' }}", "currency code"),
        ("{{ x|money }}", "needs an argument"),
        ("{{ x|upper:1 }}", "takes no argument"),
        ("{{ x|add:'text' }}", "takes a number"),
        ("{{ x|date:'%s' }}" % ("Y" * 51), "at most 50 characters"),
        ("{{ x|divisibleby:0 }}", "whole number"),
        ("{{ x|linebreaks }}", "only work in the text of an HTML"),
        ("{{ _('x') }}", "not part of this language"),
    ],
)
def test_written_arguments_are_checked_when_the_template_is_saved(source: str, words: str) -> None:
    with pytest.raises(TemplateError, match=words):
        compile_template(source, where="text", autoescape=False)


@pytest.mark.parametrize(
    ("source", "data", "words"),
    [
        ("{{ x|floatformat:n }}", {"x": 1, "n": 10**9}, "at most 10 decimals"),
        ("{{ x|floatformat:2 }}", {"x": Decimal("1e1000000")}, "not a number"),
        ("{{ x|add:1 }}", {"x": float("inf")}, "not a number"),
        ("{{ x|add:1 }}", {"x": True}, "not a number"),
        ("{{ x|money:c }}", {"x": 1, "c": None}, "c is empty"),
        ("{{ x|money:c }}", {"x": 1, "c": "euro"}, "currency code"),
        ("{{ x|date:'Y' }}", {"x": "tomorrow"}, "not a date"),
        ("{{ x|date:'Y' }}", {"x": "2026-13-45"}, "not a date"),
        ("{{ x|join:',' }}", {"x": "text"}, "takes a list"),
        ("{{ x|join:',' }}", {"x": ["y" * 60_000] * 2}, "longer than 100000"),
        ("{{ x|upper }}", {"x": ["a"]}, "cannot be shown"),
        ("{{ x }}", {"x": {"a": 1}}, "x: a list or a group"),
        ("{% for a in x %}{% endfor %}", {"x": "text"}, "x is not a list"),
        ("{% for a in x %}{% endfor %}", {"x": {"a": 1}}, "x is not a list"),
    ],
)
def test_values_that_do_not_fit_stop_the_message(source: str, data: dict[str, Any], words: str) -> None:
    template = compile_template(source, where="text", autoescape=False)
    with pytest.raises(RenderError, match=words) as error:
        template.render(data)
    assert "line 1" in str(error.value)


# -- missing values --


@pytest.mark.parametrize("name", ["", None, "   "])
def test_a_gap_stops_the_message(name: str | None) -> None:
    template = compile_template(
        "Hello {{ contact.first_name }},", where="subject", variables=LETTER_VARIABLES
    )
    with pytest.raises(RenderError) as error:
        template.render(context(contact={"first_name": name}))
    assert str(error.value) == (
        "contact.first_name is empty for this contact and has no fallback; "
        'write {{ contact.first_name|default:"…" }} (subject, line 1)'
    )


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("Hello{% if contact.first_name %} {{ contact.first_name }}{% endif %},", "Hello,"),
        ("Hello {{ contact.first_name|default:'friend' }},", "Hello friend,"),
        ("{% firstof contact.first_name contact.phone 'you' %}", "you"),
        ("{% with name=contact.first_name %}{{ name|default:'you' }}{% endwith %}", "you"),
        ("{{ contact.first_name|default:contact.email }}", "anna@example.com"),
    ],
)
def test_a_gap_with_a_way_out(source: str, result: str) -> None:
    assert filled(source, context(contact={"first_name": ""}), variables=LETTER_VARIABLES) == result


@pytest.mark.parametrize(
    "source",
    [
        "{{ contact.first_name|default:contact.phone }}",
        "{{ contact.first_name|title }}",
        "{% firstof contact.first_name contact.phone %}",
        "{% with name=contact.first_name %}{{ name }}{% endwith %}",
        "{{ order.number }}",
        "{{ event.data.nothing }}",
        "{{ event.data.value|pluralize }}{{ event.data.nothing|pluralize }}",
        "{% for item in order.items %}x{% endfor %}",
    ],
)
def test_a_gap_without_a_way_out(source: str) -> None:
    with pytest.raises(RenderError):
        filled(source, context(contact={"first_name": ""}), variables=LETTER_VARIABLES)


def test_zero_and_false_are_not_gaps() -> None:
    assert filled("{{ n }}{{ b }}", {"n": 0, "b": False}) == "0False"


def test_gaps_are_foretold_when_the_template_is_saved() -> None:
    source = "{{ contact.first_name }}\n{% if contact.phone %}{{ contact.phone }}{% endif %} {{ contact.last_name|default:'x' }}{{ cart.total }}"
    template = compile_template(source, where="text", variables=LETTER_VARIABLES, autoescape=False)
    assert [(gap.path, gap.line, gap.column) for gap in template.unguarded] == [("contact.first_name", 1, 1)]


# -- paths --


@pytest.mark.parametrize(
    ("source", "line", "column", "words"),
    [
        ("{{ contact.firstname }}", 1, 4, "contact.firstname.*did you mean “contact.first_name”"),
        ("Hi\n  {% if contact.frist_name %}{% endif %}", 2, 9, "did you mean “contact.first_name”"),
        (
            "{% for item in cart.items %}\n{{ item.nmae }}{% endfor %}",
            2,
            4,
            "item.nmae.*did you mean “item.name”",
        ),
        ("{% for item in cart.item %}{% endfor %}", 1, 16, "did you mean “cart.items”"),
        ("{% with i=cart.items|first %}{{ i.cost }}{% endwith %}", 1, 33, "i.cost"),
        ("{{ item.name }}", 1, 4, "item.name"),
        ("{{ cart.total.to_bytes }}", 1, 4, "cart.total.to_bytes"),
        ("{{ contact.first_name.upper }}", 1, 4, "contact.first_name.upper"),
        ("{{ cart.items }}", 1, 1, "cart.items is a list"),
        ("{{ cart }}", 1, 1, "cart holds several values.*cart.total"),
        ("{% for x in cart.total %}{% endfor %}", 1, 1, "cart.total is not a list"),
        ("{{ cart.total|money:cart.curency }}", 1, 21, "did you mean “cart.currency”"),
        ("{{ contact.first_name|titel }}", 1, 23, "no filter “titel”.*did you mean “title”"),
        ("a{% fro x in y %}", 1, 2, "no tag “fro”.*did you mean “for”"),
        ("{{ request }}", 1, 4, "request"),
        ("x\n{% if contact.email %}", 2, 1, "{% if %} is never closed with {% endif %}"),
        ("{% endif %}", 1, 1, "no tag “endif”"),
        ("{% if contact.email %}{% endfor %}", 1, 23, "cannot stand here"),
        ("ab {{ contact.email", 1, 4, "not closed on its line"),
        ("{{ contact.email\n}}", 1, 1, "not closed on its line"),
        ("{% for a, b in cart.items %}{% endfor %}", 1, 1, "write it as"),
        ("{% for _a in cart.items %}{% endfor %}", 1, 1, "cannot be the name"),
        ("{% with forloop=1 %}{% endwith %}", 1, 1, "cannot be the name"),
        ("{{ }}", 1, 1, "cannot be read"),
        ("{{ a b }}", 1, 1, "cannot be read"),
        ("{% if %}{% endif %}", 1, 1, "condition is missing"),
        ("{% if contact.email = 1 %}{% endif %}", 1, 1, "cannot be read"),
    ],
)
def test_mistakes_are_named_with_their_place(source: str, line: int, column: int, words: str) -> None:
    with pytest.raises(TemplateError, match=words) as error:
        compile_template(source, where="text", variables=LETTER_VARIABLES, autoescape=False)
    assert (error.value.line, error.value.column) == (line, column)
    assert str(error.value).startswith("text: ")


def test_open_trees_take_any_path() -> None:
    source = "{{ event.data.deep.any.0 }}{{ contact.attributes.city }}{% for x in event.data.tags %}{{ x }}{% endfor %}"
    data = context(event={"data": {"deep": {"any": ["x"]}, "tags": ["y"]}})
    assert filled(source, data, variables=LETTER_VARIABLES) == "xRigay"


def test_positions_of_lists_have_the_shape_of_their_items() -> None:
    assert filled("{{ cart.items.1.name }}", context(), variables=LETTER_VARIABLES) == "Lamp 2 <& co>"


def test_uses_tells_what_a_letter_needs() -> None:
    source = "{% for i in cart.items %}{{ forloop.counter }}{% with n=i.name %}{{ n }}{% endwith %}{% endfor %}{{ event.data.a.b|default:shop.name }}"
    template = compile_template(source, where="text", variables=LETTER_VARIABLES, autoescape=False)
    assert template.uses == {"cart.items", "cart.items[].name", "event.data.a.b", "shop.name"}


# -- limits --


@override_settings(TRIGGERS={"MAX_SOURCE_CHARS": 10})
def test_the_length_of_the_source_is_a_setting() -> None:
    with pytest.raises(TemplateError, match="longer than 10 characters"):
        compile_template("x" * 11, where="text")


@override_settings(TRIGGERS={"MAX_OUTPUT_CHARS": 10})
def test_the_length_of_the_result_is_a_setting() -> None:
    with pytest.raises(RenderError, match="longer than 10 characters"):
        filled("{{ x }}{{ x }}", {"x": "123456"})


@override_settings(TRIGGERS={"LOOP_BUDGET": 10})
def test_the_passes_of_all_loops_are_a_setting() -> None:
    nested = "{% for a in x %}{% for b in x %}.{% endfor %}{% endfor %}"
    assert filled(nested, {"x": [1, 2]}) == "...."
    with pytest.raises(RenderError, match="more than 10 passes"):
        filled(nested, {"x": [1, 2, 3]})


def test_a_template_can_be_filled_again_after_it_failed() -> None:
    template = compile_template(
        "{% for x in rows %}{{ x }}{% endfor %}{{ forloop|default:'' }}", where="text"
    )
    with pytest.raises(RenderError):
        template.render({"rows": ["a", None]})
    assert template.render({"rows": ["a", "b"]}) == "ab"


@given(st.text(alphabet="{}%# <>\"'=|:.abif for endx\n&-!/", max_size=120))
def test_any_text_compiles_or_is_refused(source: str) -> None:
    started = time.monotonic()
    with suppress(TemplateError, RenderError):
        compile_template(source, where="text").render({"a": "x", "b": ["y"]})
    assert time.monotonic() - started < 2
