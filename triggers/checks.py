"""System checks: mistakes in the settings are said at start-up, not at the first letter. See docs/checks.md."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from math import inf
from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.db import connections
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from triggers.accounts import CLASSES, MOST_ALIAS_CHARS, SETTINGS
from triggers.conf import Settings, settings
from triggers.core.events import EVENT_NAME
from triggers.engine.purge import read_retention
from triggers.exceptions import TriggersError
from triggers.shop import ShopAdapter
from triggers.sources.adapters import APPS

POSITIVE = (
    "WAIT_SCALE",
    "TICK_SECONDS",
    "TURN_BATCH",
    "TURN_SECONDS",
    "FANOUT_RATE",
    "SEND_CONCURRENCY",
    "SEND_TIMEOUT",
    "RENDER_SECONDS",
    "RETRY_FIRST",
    "RETRY_MOST",
    "EXPIRES_AFTER",
    "MAX_LATENESS",
    "UNKNOWN_GRACE",
    "COMPLAINT_WARN",
    "COMPLAINT_STOP",
    "BOUNCE_STOP",
    "RATE_LEAST",
    "FAILURES_STOP",
    "SEGMENT_SECONDS",
    "EVENT_BYTES",
    "API_BYTES",
    "API_CALLS_PER_MINUTE",
    "IDEMPOTENCY_DAYS",
    "MAX_SOURCE_CHARS",
    "MAX_OUTPUT_CHARS",
    "LOOP_BUDGET",
    "VISITOR_DAYS",
    "VISITOR_HOURS",
    "TRACKER_BACKLOG",
)

# What no browser may tell of: money, identity, and what only we know.
NEVER_BROWSED = re.compile(
    r"purchase|refund|sign_up|login|order_\w+|generate_lead|consent_\w+|unsubscribed|email_\w+|sms_\w+"
)


# What an entry of EMAIL_ACCOUNTS and SMS_PROVIDERS may say.
ACCOUNT_KEYS = ("BACKEND", "OPTIONS", "RATE", "CONCURRENCY")


@register("triggers")
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    if not isinstance(getattr(django_settings, "TRIGGERS", {}), dict):
        return [Error("TRIGGERS must be a dictionary", id="triggers.E001")]
    return [
        *_names(),
        *_base_url(),
        *_adapter(),
        *_urls(),
        *_numbers(),
        *_backends(),
        *_limits(),
        *_unknown_policy(),
        *_retention(),
        *_source_models(),
        *_sources(),
        *_tracking(),
    ]


@register("triggers")
def check_databases(**kwargs: Any) -> list[CheckMessage]:
    """SQLite needs write transactions that begin as such, or workers die with "database is locked"."""
    connection = connections["default"]
    if connection.vendor != "sqlite":
        return []
    mode = connection.settings_dict.get("OPTIONS", {}).get("transaction_mode")
    if str(mode).upper() in ("IMMEDIATE", "EXCLUSIVE"):
        return []
    hint = 'Set DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 20}.'
    return [
        Warning("SQLite without IMMEDIATE transactions loses work under load", hint=hint, id="triggers.W001")
    ]


def _names() -> Iterator[CheckMessage]:
    for name in getattr(django_settings, "TRIGGERS", {}):
        if name not in Settings.names():
            close = difflib.get_close_matches(str(name), Settings.names(), 1)
            hint = f"Did you mean {close[0]}?" if close else "See docs/settings.md for all names."
            yield Error(f"TRIGGERS has no setting {name!r}", hint=hint, id="triggers.E002")


def _base_url() -> Iterator[CheckMessage]:
    try:
        parts = urlsplit(str(settings.BASE_URL))
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        hint = 'Set TRIGGERS["BASE_URL"] to the address of the shop, e.g. "https://shop.example".'
        yield Error("TRIGGERS['BASE_URL'] is needed for the links in letters", hint=hint, id="triggers.E003")


def _adapter() -> Iterator[CheckMessage]:
    try:
        cls = import_string(str(settings.SHOP_ADAPTER))
    except ImportError as error:
        yield Error(f"TRIGGERS['SHOP_ADAPTER']: {error}", id="triggers.E004")
        return
    if not (isinstance(cls, type) and issubclass(cls, ShopAdapter)):
        yield Error(
            f"TRIGGERS['SHOP_ADAPTER']: {settings.SHOP_ADAPTER} is no ShopAdapter", id="triggers.E004"
        )


def _urls() -> Iterator[CheckMessage]:
    try:
        reverse("triggers:unsubscribe", args=["token"])
    except NoReverseMatch:
        hint = 'Add path("triggers/", include("triggers.urls")) to the urlpatterns of ROOT_URLCONF.'
        yield Error("the unsubscribe page has no address", hint=hint, id="triggers.E007")


def _numbers() -> Iterator[CheckMessage]:
    for name in POSITIVE:
        value = getattr(settings, name)
        default = getattr(Settings, name)
        if value is default is None:
            continue
        is_whole = default is None or isinstance(default, int)
        if not _is_positive(value, is_whole=is_whole):
            kind = "whole number" if is_whole else "number"
            yield Error(f"TRIGGERS[{name!r}] must be a {kind} above 0, not {value!r}", id="triggers.E005")


def _is_positive(value: Any, *, is_whole: bool = False) -> bool:
    if isinstance(value, bool) or not isinstance(value, int if is_whole else int | float):
        return False
    return 0 < value < inf


def _retention() -> Iterator[CheckMessage]:
    try:
        read_retention()
    except TriggersError as error:
        yield Error(f"TRIGGERS: {error}", id="triggers.E012")


def _sources() -> Iterator[CheckMessage]:
    given = settings.SOURCES
    known = ", ".join(APPS)
    if given is not None and not (isinstance(given, list | tuple) and set(map(str, given)) <= set(APPS)):
        yield Error(f"TRIGGERS['SOURCES'] is None or a list of {known}, not {given!r}", id="triggers.E014")


def _source_models() -> Iterator[CheckMessage]:
    given = settings.SOURCE_MODELS
    if not isinstance(given, dict):
        yield Error("TRIGGERS['SOURCE_MODELS'] must be a dictionary", id="triggers.E013")
        return
    for label, names in given.items():
        try:
            columns = {field.name for field in apps.get_model(label)._meta.concrete_fields}
        except (AttributeError, LookupError, ValueError) as error:
            yield Error(f"TRIGGERS['SOURCE_MODELS']: {error}", id="triggers.E013")
            continue
        strange = (
            [str(name) for name in names if name not in columns] if isinstance(names, list | tuple) else ["?"]
        )
        if strange:
            problem = (
                f"TRIGGERS['SOURCE_MODELS'][{label!r}] is a list of its columns, not {', '.join(strange)}"
            )
            yield Error(problem, id="triggers.E013")


def _tracking() -> Iterator[CheckMessage]:
    names = settings.BROWSER_EVENTS
    if not isinstance(names, list | tuple) or not all(EVENT_NAME.match(str(name)) for name in names):
        yield Error("TRIGGERS['BROWSER_EVENTS'] must be a list of names of events", id="triggers.E020")
        return
    for name in filter(NEVER_BROWSED.fullmatch, names):
        hint = "Let the shop's server say it: triggers.capture()."
        yield Error(
            f"TRIGGERS['BROWSER_EVENTS']: a browser must not say {name!r}", hint=hint, id="triggers.E020"
        )
    rule = settings.TRACKING_ALLOWED
    try:
        is_callable = not rule or callable(import_string(str(rule)))
    except ImportError as error:
        yield Error(f"TRIGGERS['TRACKING_ALLOWED']: {error}", id="triggers.E021")
        return
    if not is_callable:
        yield Error(f"TRIGGERS['TRACKING_ALLOWED']: {rule} cannot be called", id="triggers.E021")


def _backends() -> Iterator[CheckMessage]:
    for name in ("EMAIL_ACCOUNTS", "SMS_PROVIDERS"):
        aliases = getattr(settings, name)
        if not isinstance(aliases, dict) or "default" not in aliases:
            yield Error(f"TRIGGERS[{name!r}] needs a 'default'", id="triggers.E006")
            continue
        for alias, options in aliases.items():
            try:
                import_string(str(options.get("BACKEND") or django_settings.EMAIL_BACKEND))
            except (AttributeError, ImportError) as error:
                yield Error(f"TRIGGERS[{name!r}][{alias!r}]: {error}", id="triggers.E006")


def _limits() -> Iterator[CheckMessage]:
    for name in SETTINGS.values():
        aliases = getattr(settings, name)
        for alias, given in aliases.items() if isinstance(aliases, dict) else ():
            if isinstance(given, dict):
                where = f"TRIGGERS[{name!r}][{alias!r}]"
                problems = (*_alias_problems(alias), *_limit_problems(given))
                yield from (Error(f"{where}: {problem}", id="triggers.E010") for problem in problems)


def _alias_problems(alias: Any) -> Iterator[str]:
    if not isinstance(alias, str) or not 0 < len(alias) <= MOST_ALIAS_CHARS or not alias.isprintable():
        yield f"an alias is a text of 1 to {MOST_ALIAS_CHARS} characters"


def _limit_problems(given: dict[str, Any]) -> Iterator[str]:
    for key in sorted(str(key) for key in given if key not in ACCOUNT_KEYS):
        yield f"{key} is not one of {', '.join(ACCOUNT_KEYS)}"
    rate = given.get("RATE")
    by_class = rate if isinstance(rate, dict) else {"marketing": rate}
    if set(by_class) - set(CLASSES):
        yield f"RATE has other classes than {', '.join(CLASSES)}"
    if not all(value is None or _is_positive(value) for value in by_class.values()):
        yield f"RATE is a number of messages per second above 0, or one for each class, not {rate!r}"
    concurrency = given.get("CONCURRENCY")
    if concurrency is not None and not _is_positive(concurrency, is_whole=True):
        yield f"CONCURRENCY is a whole number above 0, not {concurrency!r}"


def _unknown_policy() -> Iterator[CheckMessage]:
    policy = settings.UNKNOWN_POLICY
    allowed = {"transactional": ("leave", "resend"), "marketing": ("leave",)}
    if not isinstance(policy, dict) or any(
        value not in allowed.get(key, ()) for key, value in policy.items()
    ):
        hint = 'Marketing is never sent twice by itself: {"marketing": "leave", "transactional": "leave" or "resend"}.'
        yield Error(f"TRIGGERS['UNKNOWN_POLICY'] cannot be {policy!r}", hint=hint, id="triggers.E011")
