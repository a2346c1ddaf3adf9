"""The one place that reads the host's settings: `TRIGGERS = {...}`, looked up live, defaults beside their units."""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings


class Settings:
    """Attribute access to `TRIGGERS`; a key that is not given has the default written here."""

    # Links in letters are built from this address, never from a request's Host header.
    BASE_URL: str = ""
    # Dotted path of the class that tells us about contacts, carts, orders and products.
    SHOP_ADAPTER: str = "triggers.shop.adapter.ShopAdapter"
    # Sender of letters; empty means Django's DEFAULT_FROM_EMAIL.
    FROM_EMAIL: str = ""
    # Mail accounts by alias; BACKEND None means Django's EMAIL_BACKEND. RATE (messages per second, or one for each
    # class) and CONCURRENCY (messages a sender holds) may be given for each, for SMS providers too.
    EMAIL_ACCOUNTS: dict[str, dict[str, Any]] = {"default": {"BACKEND": None, "OPTIONS": {}}}
    # SMS providers by alias.
    SMS_PROVIDERS: dict[str, dict[str, Any]] = {
        "default": {"BACKEND": "triggers.delivery.sms.console.ConsoleBackend", "OPTIONS": {}}
    }
    # Country (ISO 3166 alpha-2) of phone numbers written without one.
    DEFAULT_COUNTRY: str = "US"
    # Factor on every wait; below 1 for demos and staging only.
    WAIT_SCALE: float = 1.0
    # Seconds between two looks for work.
    TICK_SECONDS: float = 1.0
    # Journeys, events or contacts of a fan-out taken by one transaction of the engine.
    TURN_BATCH: int = 500
    # Seconds after which a turn hands its shard back although work is left.
    TURN_SECONDS: float = 5.0
    # Contacts a second that one fan-out (a schedule, a sale) lets into chains.
    FANOUT_RATE: float = 1_000.0
    # Letters one sender holds at a time: the most that can become `unknown` when it is killed. None: as it suits the
    # provider, see delivery/concurrency.py.
    SEND_CONCURRENCY: int | None = None
    # Seconds one provider call may take; a sender's claim lasts twice as long.
    SEND_TIMEOUT: float = 30.0
    # Seconds that one letter may take to be made.
    RENDER_SECONDS: float = 5.0
    # Seconds of the first retry's longest delay, and of any retry's.
    RETRY_FIRST: float = 30.0
    RETRY_MOST: float = 21_600.0
    # Seconds a message may wait before it is worthless, unless its step says otherwise.
    EXPIRES_AFTER: float = 172_800.0
    # Seconds by which a marketing message may miss its moment, unless its step says otherwise; later it is left out.
    MAX_LATENESS: float = 86_400.0
    # Seconds that the provider gets to report an unknown message before its class's policy is followed.
    UNKNOWN_GRACE: float = 600.0
    # What is done then, by class: "leave", or "resend" once with the same Message-ID.
    UNKNOWN_POLICY: dict[str, str] = {"marketing": "leave", "transactional": "resend"}
    # Shares of a chain's marketing messages of 7 days that were complained about: a warning, and the end of it; above 1
    # never. The same for bounces. Below so many messages no rate says anything.
    COMPLAINT_WARN: float = 0.001
    COMPLAINT_STOP: float = 0.003
    BOUNCE_STOP: float = 0.05
    RATE_LEAST: int = 200
    # Messages of a chain that failed for good in a row before it is paused.
    FAILURES_STOP: int = 20
    # Days that ended things are kept; None, or no key, is for ever. See engine/purge.py for what may never go.
    RETENTION: dict[str, float | None] = {
        "events": None,
        "event_days": None,
        "journeys": None,
        "messages": None,
        "bodies": None,
        # Of nobody that is known.
        "visitors": 30,
    }
    # What a browser may tell of, about its own visitor only. Money and identity never come from there.
    BROWSER_EVENTS: tuple[str, ...] = (
        *("page_view", "view_item", "view_item_list", "view_cart", "select_item", "search", "add_to_cart"),
        *(
            "remove_from_cart",
            "add_to_wishlist",
            "begin_checkout",
            "click",
            "file_download",
            "form_field_left",
        ),
        "user_engagement",
    )
    # Name of the visitor's cookie, and days that a browser keeps it.
    VISITOR_COOKIE: str = "triggers_visitor"
    VISITOR_DAYS: int = 365
    # Hours before a visitor is known whose events start and end journeys all the same; what is older is history.
    VISITOR_HOURS: int = 24
    # Whether browsers that ask not to be followed (Do Not Track, Global Privacy Control) are left alone.
    RESPECT_DNT: bool = True
    # Dotted path of a function that is given the request and says whether this visitor may be known; empty: everybody.
    TRACKING_ALLOWED: str = ""
    # Events that may wait to be matched before the tracker's are sent away for a minute.
    TRACKER_BACKLOG: int = 50_000
    # Seconds that the admin's count of a segment may take (on PostgreSQL).
    SEGMENT_SECONDS: float = 10.0
    # Serialised size of one event's data, bytes.
    EVENT_BYTES: int = 32_768
    # Adapters that listen to other apps, by name; None: all whose app is installed.
    SOURCES: list[str] | None = None
    # Models whose changes may be made events in the admin, and the fields of each that may be watched, followed or told.
    SOURCE_MODELS: dict[str, list[str]] = {}
    # Bytes of one call of the API, and calls of one key in a minute.
    API_BYTES: int = 1_048_576
    API_CALLS_PER_MINUTE: int = 6_000
    # Days that the API knows an idempotency key again.
    IDEMPOTENCY_DAYS: float = 7.0
    # Characters of one template's source, and of what it may produce.
    MAX_SOURCE_CHARS: int = 200_000
    MAX_OUTPUT_CHARS: int = 500_000
    # Passes through loops that one rendering may make.
    LOOP_BUDGET: int = 10_000

    def __getattribute__(self, name: str) -> Any:
        if name.isupper():
            given: dict[str, Any] = getattr(django_settings, "TRIGGERS", {})
            if name in given:
                return given[name]
        return super().__getattribute__(name)

    @classmethod
    def names(cls) -> frozenset[str]:
        return frozenset(name for name in vars(cls) if name.isupper())


settings = Settings()
