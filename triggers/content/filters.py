"""The filters of the letter language, each bounded in what it takes and in what it can give.

A filter gets its value and its argument already checked: an argument that is written out is checked and converted once, when the template
is compiled; one that comes from a variable is checked for every message. An empty value skips every filter that does not say `takes_empty`,
so `{{ name|title|default:"friend" }}` never becomes "None".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, cast
from urllib.parse import quote

from django.template import Library, defaultfilters
from django.utils import formats
from django.utils.dateparse import parse_date, parse_datetime, parse_time
from django.utils.html import escape, linebreaks
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator, slugify
from django.utils.timezone import template_localtime  # type: ignore[attr-defined]
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from triggers.content.markup import pieces
from triggers.content.plain import Group, Rows
from triggers.exceptions import RenderError

LARGEST_NUMBER = Decimal(10) ** 18
MOST_DECIMALS = 10
JOINED_CHARS = 100_000
# Filters that look at markup or words take no more than this; a product description is a few thousand characters.
WORDY_CHARS = 20_000

LIBRARY = Library()


class BadArgument(ValueError):
    """The argument of a filter is not one it takes; the text completes the sentence "the filter X ..."."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What the language must know about a filter.

    argument: checks and converts the argument; None when the filter takes none. optional: value used when no argument is written.
    takes_empty: the filter has an answer for an empty value. gives_empty: an empty result is meant, not a hole in the letter.
    makes_address: the result is percent-encoded. makes_html: the result has tags and belongs into the text of an HTML letter.
    """

    argument: Callable[[Any], Any] | None = None
    optional: Any = None
    required: bool = False
    takes_empty: bool = False
    gives_empty: bool = False
    makes_address: bool = False
    makes_html: bool = False


TRAITS: dict[str, Traits] = {}


def _filter(name: str, **traits: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        TRAITS[name] = Traits(**traits)
        return LIBRARY.filter(name, function)

    return register


# -- values --


def shown(value: Any) -> str:
    """A value as a reader of the active language expects it; lists and groups cannot be shown."""
    if type(value) is str:
        return value
    if isinstance(value, (Group, Rows)):
        raise RenderError(_("a list or a group of values cannot be shown as text"))
    if isinstance(value, SafeString):
        return value
    return str(formats.localize(template_localtime(value)))


def number(value: Any) -> Decimal:
    """A finite decimal of sane size from a number or a written number; raises RenderError."""
    try:
        if isinstance(value, (bool, Group, Rows)) or len(text := str(value)) > 60:
            raise ValueError
        result = Decimal(text.strip())
        if result.is_finite() and abs(result) < LARGEST_NUMBER and int(result.as_tuple().exponent) > -60:
            return result
    except (ArithmeticError, ValueError):
        pass
    raise RenderError(_("“%(value).40s” is not a number that can be worked with") % {"value": value})


def _moment(value: Any) -> date | time:
    """Dates are stored as text in the data of events, so ISO text counts as one."""
    if isinstance(value, datetime):
        return cast(datetime, template_localtime(value))
    if isinstance(value, (date, time)):
        return value
    if type(value) is str and len(value) < 40:
        try:
            moment = parse_datetime(value) if len(value) > 10 else parse_date(value) or parse_time(value)
        except ValueError:
            moment = None
        if moment is not None:
            return cast(date, template_localtime(moment))
    raise RenderError(_("“%(value).40s” is not a date") % {"value": value})


# -- arguments --


def _whole(least: int, most: int) -> Callable[[Any], int]:
    def check(argument: Any) -> int:
        if (
            isinstance(argument, int) or (isinstance(argument, str) and re.fullmatch(r"\d{1,6}", argument))
        ) and (least <= int(argument) <= most):
            return int(argument)
        raise BadArgument(
            _("takes a whole number from %(least)d to %(most)d") % {"least": least, "most": most}
        )

    return check


def _text(most: int) -> Callable[[Any], str]:
    def check(argument: Any) -> str:
        if isinstance(argument, str) and len(argument) <= most:
            return str.__str__(argument)
        raise BadArgument(_("takes a text of at most %(most)d characters") % {"most": most})

    return check


def _forms(least: int, most: int) -> Callable[[Any], tuple[str, ...]]:
    def check(argument: Any) -> tuple[str, ...]:
        forms = tuple(form.strip() for form in _text(200)(argument).split(","))
        if least <= len(forms) <= most:
            return forms
        raise BadArgument(
            _("takes %(least)d to %(most)d forms with commas between them") % {"least": least, "most": most}
        )

    return check


def _decimals(argument: Any) -> str | int:
    if re.fullmatch(r"-?\d{1,2}[gu]{0,2}|[gu]{1,2}", str(argument)) and (
        abs(int(re.sub("[gu]", "", str(argument)) or 0)) <= MOST_DECIMALS
    ):
        return argument if isinstance(argument, int) else str.__str__(argument)
    raise BadArgument(_("takes at most %(most)d decimals") % {"most": MOST_DECIMALS})


def _addend(argument: Any) -> Decimal:
    try:
        return number(argument)
    except RenderError:
        raise BadArgument(_("takes a number")) from None


def _divisor(argument: Any) -> int:
    return _whole(1, 999_999)(argument)


def _currency(argument: Any) -> str:
    if isinstance(argument, str) and re.fullmatch(r"[A-Za-z]{3}", argument):
        return argument.upper()
    raise BadArgument(_("takes a currency code such as EUR"))


def _fallback(argument: Any) -> Any:
    return str.__str__(argument) if isinstance(argument, str) else argument


# -- fallbacks and choices --


@_filter("default", argument=_fallback, required=True, takes_empty=True)
def default(value: Any, fallback: Any) -> Any:
    return value or fallback


@_filter("default_if_none", argument=_fallback, required=True, takes_empty=True)
def default_if_none(value: Any, fallback: Any) -> Any:
    return fallback if value is None else value


@_filter("yesno", argument=_forms(2, 3), required=True, takes_empty=True, gives_empty=True)
def yesno(value: Any, forms: tuple[str, ...]) -> str:
    if value is None:
        return forms[-1]
    return forms[0] if value else forms[1]


@_filter("pluralize", argument=_forms(1, 2), optional=("", "s"), gives_empty=True)
def pluralize(value: Any, forms: tuple[str, ...]) -> str:
    singular, plural_form = forms if len(forms) == 2 else ("", forms[0])
    return singular if _counted(value) == 1 else plural_form


@_filter("plural", argument=_forms(2, 3), required=True)
def plural(value: Any, forms: tuple[str, ...]) -> str:
    """Two forms: one, many (1 item, 5 items). Three: one, few, many (1 товар, 3 товара, 5 товаров, 1,5 товара)."""
    count = abs(_counted(value))
    if len(forms) == 2:
        return forms[0] if count == 1 else forms[1]
    if count != int(count):
        return forms[1]
    last, last_two = int(count) % 10, int(count) % 100
    if last == 1 and last_two != 11:
        return forms[0]
    return forms[1] if last in (2, 3, 4) and last_two not in (12, 13, 14) else forms[2]


def _counted(value: Any) -> Decimal:
    return Decimal(len(value)) if isinstance(value, (Rows, Group)) else number(value)


# -- text --


@_filter("upper")
def upper(value: Any) -> str:
    return shown(value).upper()


@_filter("lower")
def lower(value: Any) -> str:
    return shown(value).lower()


@_filter("capfirst")
def capfirst(value: Any) -> str:
    text = shown(value)
    return text[:1].upper() + text[1:]


@_filter("title")
def title(value: Any) -> str:
    return str.__str__(defaultfilters.title(_wordy(value)))


@_filter("truncatechars", argument=_whole(1, 10_000), required=True)
def truncatechars(value: Any, length: int) -> str:
    return Truncator(shown(value)[: length * 4 + 4]).chars(length)


@_filter("truncatewords", argument=_whole(1, 2_000), required=True)
def truncatewords(value: Any, length: int) -> str:
    return Truncator(_wordy(value)).words(length, truncate=" …")


@_filter("striptags")
def striptags(value: Any) -> str:
    return "".join(piece.body for piece in pieces(_wordy(value)) if not piece.tag)


@_filter("linebreaks", makes_html=True)
def linebreaks_filter(value: Any) -> str:
    return mark_safe(linebreaks(_wordy(value), autoescape=True))


@_filter("linebreaksbr", makes_html=True)
def linebreaksbr(value: Any) -> str:
    text = value if isinstance(value, SafeString) else escape(shown(value))
    return mark_safe(re.sub(r"\r\n?|\n", "<br>", text))


@_filter("slugify")
def slugify_filter(value: Any) -> str:
    return slugify(_wordy(value))


@_filter("urlencode", argument=_text(10), optional="/", makes_address=True)
def urlencode(value: Any, safe: str) -> str:
    return quote(value if isinstance(value, str) else str(value), safe=safe)


def _wordy(value: Any) -> str:
    text = shown(value)
    if len(text) > WORDY_CHARS:
        raise RenderError(_("the text is longer than %(limit)d characters") % {"limit": WORDY_CHARS})
    return text


# -- lists --


@_filter("length", takes_empty=True)
def length(value: Any) -> int:
    return len(value) if isinstance(value, (str, Rows, Group)) else 0


@_filter("first")
def first(value: Any) -> Any:
    return _end(value, 0)


@_filter("last")
def last(value: Any) -> Any:
    return _end(value, -1)


def _end(value: Any, index: int) -> Any:
    if not isinstance(value, (str, Rows)):
        raise RenderError(_("first and last take a list or a text"))
    return value[index] if len(value) else None


@_filter("join", argument=_text(100), required=True)
def join(value: Any, separator: str) -> str:
    if not isinstance(value, Rows):
        raise RenderError(_("join takes a list"))
    texts, room = [], JOINED_CHARS
    for row in value:
        texts.append("" if row is None else shown(row))
        room -= len(texts[-1]) + len(separator)
        if room < 0:
            raise RenderError(
                _("the joined list is longer than %(limit)d characters") % {"limit": JOINED_CHARS}
            )
    return separator.join(texts)


# -- numbers --


@_filter("add", argument=_addend, required=True)
def add(value: Any, addend: Decimal) -> Decimal | int:
    total = number(number(value) + addend)
    return int(total) if total == int(total) and int(total.as_tuple().exponent) >= 0 else total


@_filter("divisibleby", argument=_divisor, required=True)
def divisibleby(value: Any, divisor: int) -> bool:
    return number(value) % divisor == 0


@_filter("floatformat", argument=_decimals, optional=-1)
def floatformat(value: Any, decimals: str | int) -> str:
    return str.__str__(defaultfilters.floatformat(number(value), decimals))


# Signs a reader knows without a legend; every other currency is written with its code.
_SIGNS = {
    "AMD": "֏", "BRL": "R$", "BYN": "Br", "CNY": "¥", "CZK": "Kč", "EUR": "€", "GBP": "£", "GEL": "₾", "ILS": "₪", "INR": "₹",
    "JPY": "¥", "KRW": "₩", "KZT": "₸", "PLN": "zł", "RUB": "₽", "TRY": "₺", "UAH": "₴", "USD": "$", "VND": "₫",
}  # fmt: skip
# Currencies without a minor unit in ISO 4217.
_WHOLE = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())
# Languages that write the sign before the amount: $1.50, but 1,50 €.
_SIGN_FIRST = frozenset({"en", "ja", "ko", "zh", "hi", "he", "th", "pt-br", "es-mx"})


@_filter("money", argument=_currency, required=True)
def money(value: Any, currency: str) -> str:
    """1,234.50 EUR as the active language writes it: €1,234.50 in English, 1 234,50 € in Russian."""
    amount = number(value)
    places = 0 if currency in _WHOLE else 2
    digits = formats.number_format(abs(amount), places, use_l10n=True, force_grouping=True)
    minus = "-" if round(amount, places) < 0 else ""
    sign = _SIGNS.get(currency)
    language = (get_language() or "en").lower()
    if sign and (language in _SIGN_FIRST or language.split("-")[0] in _SIGN_FIRST):
        return f"{minus}{sign}{digits}"
    return f"{minus}{digits}\N{NO-BREAK SPACE}{sign or currency}"


# -- dates --


@_filter("date", argument=_text(50), optional=None)
def date_filter(value: Any, form: str | None) -> str:
    moment = _moment(value)
    if isinstance(moment, time):
        raise RenderError(_("a time of day has no date"))
    return str.__str__(formats.date_format(moment, form or "DATE_FORMAT"))


@_filter("time", argument=_text(50), optional=None)
def time_filter(value: Any, form: str | None) -> str:
    moment = _moment(value)
    if isinstance(moment, date) and not isinstance(moment, datetime):
        raise RenderError(_("a date has no time of day"))
    return str.__str__(formats.time_format(moment, form or "TIME_FORMAT"))
