"""Settings of the demo shop. Every value that a deployment changes comes from the environment.

Without any: SQLite, a broker made of files, and letters that land on the shop's own mailbox page, all under `.demo/`.
With `DATABASE_URL=postgres://…` and `CELERY_BROKER_URL=redis://…` the same shop runs on servers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import environ  # type: ignore[import-untyped]
from django.utils.translation import gettext_lazy as _

from demo_shop.numbers import port_of, wait_scale_of

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent
# Everything the demo writes: database, pictures, messages on their way, logs. Delete it to begin anew.
DEMO_DIR = Path(env.str("DEMO_DIR", default=str(BASE_DIR / ".demo"))).resolve()
try:
    DEMO_DIR.mkdir(parents=True, exist_ok=True)
except OSError as error:
    raise SystemExit(f"DEMO_DIR cannot be a folder: {error.strerror}: {DEMO_DIR}") from None

try:
    PORT = port_of(env.str("PORT", default="") or "8000")
    # One hour passes in three seconds, so that a visitor sees a chain from its beginning to its end.
    WAIT_SCALE = wait_scale_of(env.str("WAIT_SCALE", default="") or repr(3 / 3600))
except ValueError as error:
    # Any other exception of a settings module reaches the visitor with its whole traceback.
    raise SystemExit(str(error)) from None

BASE_URL = env.str("BASE_URL", default=f"http://localhost:{PORT}")

# The demo listens on this machine only; give a secret of your own before you change that.
SECRET_KEY = env.str("SECRET_KEY", default="the demo shop guards nothing but made-up customers")
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

ROOT_URLCONF = "demo_shop.root_urls"
WSGI_APPLICATION = "demo_shop.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_celery_beat",
    "anymail",
    "triggers",
    "demo_shop",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{DEMO_DIR / 'shop.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Without WAL readers wait for writers; without IMMEDIATE and a timeout tasks die of "database is locked".
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL",
    }

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "demo_shop:login"
LOGIN_REDIRECT_URL = "demo_shop:home"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("de", _("German")), ("ru", _("Russian"))]
TIME_ZONE = env.str("TIME_ZONE", default="Europe/Berlin")
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = DEMO_DIR / "static"
MEDIA_URL = "/media/"
MEDIA_ROOT = DEMO_DIR / "media"

EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="demo_shop.mailbox.email.MailboxBackend")
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Glow & Grain <hello@glowandgrain.example>")

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="renamedfiles://localhost")
if CELERY_BROKER_URL.startswith("renamedfiles:"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(DEMO_DIR / "broker" / "messages"),
        "data_folder_out": str(DEMO_DIR / "broker" / "messages"),
        "control_folder": str(DEMO_DIR / "broker" / "control"),
    }
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"

TRIGGERS = {
    "BASE_URL": BASE_URL,
    "SHOP_ADAPTER": "demo_shop.adapter.DemoShopAdapter",
    "SMS_PROVIDERS": {"default": {"BACKEND": "demo_shop.mailbox.sms.MailboxSMSBackend", "OPTIONS": {}}},
    "DEFAULT_COUNTRY": "DE",
    # What the marketer may turn into events in the admin.
    "SOURCE_MODELS": {
        "demo_shop.Order": ["number", "status", "total", "email", "user"],
        "demo_shop.Enquiry": ["subject", "is_answered", "email", "user"],
    },
    # The rest the server tells of by itself.
    "BROWSER_EVENTS": ("page_view", "click", "form_field_left", "user_engagement"),
    "WAIT_SCALE": WAIT_SCALE,
}
