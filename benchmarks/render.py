"""Letters rendered per second: the demo shop's abandoned cart, from plain data to subject, HTML and text.

Everything a sender does with the content of a letter, on one core: look the compiled template up, fill it, move the
style sheet into the elements, make the text part. The rival is the same letter through Django's own engine, without
our limits and read-only wrappers, with the same inlining and text part; both must give the same letter.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from statistics import median
from typing import Any

from benchmarks.harness.database import start_django
from benchmarks.harness.result import Plan, Result, machine

REPEATS = 5
AIM = 0.85
CONTEXTS = 50
Context = dict[str, Any]
# Subject, HTML, text.
Finished = tuple[str, str, str]


def run(plan: Plan) -> Result:
    letters = plan.pick(1_500, 300, 20)
    start_django()
    from django.utils import timezone, translation

    from demo_shop.letters import LETTERS
    from triggers.content.letter import LetterSource

    letter = next(one for one in LETTERS if one.key == "abandoned_cart")
    source = LetterSource(letter.subject, letter.preheader, letter.html)
    contexts = [_context(number) for number in range(CONTEXTS)]
    with translation.override("en"), timezone.override("Europe/Berlin"):
        ours, ours_filled = _ours(source)
        django, django_filled = _django(source)
        for context in contexts:
            if ours(context) != django(context):
                raise AssertionError("the rival's letter is another one")
        repeats = plan.repeats(REPEATS)
        whole = _rates({"ours": ours, "django": django}, contexts, letters, repeats)
        filled = _rates({"ours": ours_filled, "django": django_filled}, contexts, letters * 4, repeats)
        chars = len(ours(contexts[0])[1])
    figure, rival = whole["ours"], whole["django"]
    return Result(
        "render",
        figure,
        "letters/s",
        machine()
        | {
            "workers": 1,
            "letters": letters,
            "repeats": repeats,
            "html_chars": chars,
            "template_alone": filled,
            "template_alone_ratio": round(filled["ours"] / filled["django"], 3),
        },
        {"django_engine": rival},
        {"django_engine": round(figure / rival, 3)},
        {"django_engine": AIM},
    )


def _ours(source: Any) -> tuple[Callable[[Context], Finished], Callable[[Context], str]]:
    """A whole letter, and its HTML before the style sheet is moved."""
    from triggers.content.letter import compile_letter

    def whole(context: Context) -> Finished:
        rendered = compile_letter(source).render(context)
        return rendered.subject, rendered.html, rendered.text

    html = compile_letter(source).html
    assert html is not None
    return whole, lambda context: html.render(context | {"message": {"subject": "s", "preheader": "p"}})


def _django(source: Any) -> tuple[Callable[[Context], Finished], Callable[[Context], str]]:
    """The same by Django's engine: its own tags and filters, and the two filters of ours that it lacks."""
    from django.template import Context as DjangoContext
    from django.template import Engine, Library

    from triggers.content.filters import money, plural
    from triggers.content.html_text import html_to_text
    from triggers.content.inline import inline_css
    from triggers.content.letter import MAX_PREHEADER_CHARS, _with_preheader, header_line

    lacking = Library()
    lacking.filter("money", money)
    lacking.filter("plural", lambda value, forms: plural(value, tuple(forms.split(","))))
    engine = Engine()
    engine.template_builtins.append(lacking)
    subject, preheader, html = (
        engine.from_string(part) for part in (source.subject, source.preheader, source.html)
    )

    def whole(context: Context) -> Finished:
        line = header_line(subject.render(DjangoContext(context, autoescape=False)).strip())
        before = header_line(
            preheader.render(DjangoContext(context, autoescape=False)).strip(), MAX_PREHEADER_CHARS
        )
        values = context | {"message": {"subject": line, "preheader": before}}
        page = inline_css(html.render(DjangoContext(values)))
        text = html_to_text(page)
        return line, _with_preheader(page, before), text

    return whole, lambda context: html.render(
        DjangoContext(context | {"message": {"subject": "s", "preheader": "p"}})
    )


def _rates(
    ways: dict[str, Callable[[Context], Any]], contexts: list[Context], count: int, repeats: int
) -> dict[str, float]:
    """Letters per second of each way: the median of several stretches, the ways taken in turn."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _repeat in range(repeats):
        for name, way in ways.items():
            begun = time.perf_counter()
            for number in range(count):
                way(contexts[number % len(contexts)])
            rates[name].append(count / (time.perf_counter() - begun))
    return {name: round(median(values), 1) for name, values in rates.items()}


def _context(number: int) -> Context:
    """One customer with one to five things in the cart."""
    items = [
        {
            "ref": f"lamp-{n}",
            "name": f"Table lamp “Evening” <{number} & {n}>",
            "price": Decimal("49.90") + n,
            "quantity": n + 1,
            "total": (Decimal("49.90") + n) * (n + 1),
            "url": f"https://shop.example/lamps/{n}",
            "image_url": f"https://shop.example/media/lamps/{n}.jpg",
        }
        for n in range(1 + number % 5)
    ]
    return {
        "contact": {
            "first_name": f"Anna{number}",
            "last_name": "Lind",
            "email": f"anna{number}@example.com",
            "phone": "+12025550123",
            "language": "en",
            "attributes": {},
        },
        "shop": {
            "name": "Lamps & Co",
            "url": "https://shop.example",
            "email": "hello@shop.example",
            "phone": "+1 202 555 0199",
            "address": "1 Light Street, 12345 Lampton",
            "logo_url": "https://shop.example/logo.png",
        },
        "event": None,
        "cart": {
            "ref": f"cart:{number}",
            "items": items,
            "total": sum(item["total"] for item in items),
            "currency": "EUR",
            "url": f"https://shop.example/cart/restore/{number}",
            "count": sum(item["quantity"] for item in items),
        },
        "order": None,
        "links": {
            "unsubscribe": f"https://shop.example/u/{number}",
            "preferences": f"https://shop.example/u/{number}",
        },
    }
