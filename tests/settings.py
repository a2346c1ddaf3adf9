"""Settings of the suite: the demo shop plus a stranger's app, on the database that `TRIGGERS_TEST_DB` names."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests.services import login, service_url

BASE_DIR = Path(__file__).resolve().parent.parent


def _scratch_directory() -> Path:
    """One directory per run, shared by pytest, its xdist workers and the processes that tests start."""
    given = os.environ.get("TRIGGERS_TEST_DIR")
    if given:
        return Path(given)
    made = tempfile.mkdtemp(prefix="triggers-tests-")
    os.environ["TRIGGERS_TEST_DIR"] = made
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return Path(made)


SCRATCH = _scratch_directory()
# Runs at the same time, in one checkout or in several, must not meet in one database.
TEST_DATABASE = "test_triggers_" + "".join(filter(str.isalnum, SCRATCH.name.rpartition("-")[2].lower()))
# A process started by a test works on that test's database, under its final name.
DATABASE_NAME = os.environ.get("TRIGGERS_TEST_DB_NAME")


def _sqlite() -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATABASE_NAME or str(SCRATCH / "triggers.sqlite3"),
        # A file, not memory: threads and other processes must be able to open it.
        "TEST": {"NAME": str(SCRATCH / f"{TEST_DATABASE}.sqlite3")},
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF",
        },
    }


def _server(engine: str, url: str) -> dict[str, Any]:
    given = login(url)
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    return {
        "ENGINE": engine,
        "NAME": DATABASE_NAME or "triggers",
        "TEST": {"NAME": TEST_DATABASE},
        "OPTIONS": {key: value for key, value in given.items() if key not in names},
        **{names[key]: value for key, value in given.items() if key in names},
    }


def _postgres() -> dict[str, Any]:
    return _server("django.db.backends.postgresql", service_url("TRIGGERS_TEST_POSTGRES_URL"))


def _mariadb() -> dict[str, Any]:
    import pymysql

    # Django asks for mysqlclient's version; PyMySQL answers in its place.
    pymysql.version_info = (2, 2, 7, "final", 0)
    pymysql.install_as_MySQLdb()
    database = _server("django.db.backends.mysql", service_url("TRIGGERS_TEST_MARIADB_URL"))
    database["TEST"]["CHARSET"] = "utf8mb4"
    database["OPTIONS"] |= {"charset": "utf8mb4", "isolation_level": "read committed"}
    return database


DATABASES = {
    "default": {"sqlite": _sqlite, "postgres": _postgres, "mariadb": _mariadb}[
        os.environ.get("TRIGGERS_TEST_DB", "sqlite")
    ]()
}

SECRET_KEY = "for tests only"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "tests.urls"
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
    "tests.host",
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
TEMPLATES = [
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
# Hundreds of users are made; not one of their passwords is worth the time of a slow hash.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ru", "Русский")]

STATIC_URL = "/static/"
MEDIA_URL = "/media/"
MEDIA_ROOT = SCRATCH / "media"

EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
DEFAULT_FROM_EMAIL = "Lamp Shop <hello@shop.test>"

TRIGGERS: dict[str, Any] = {
    "BASE_URL": "https://shop.test",
    "SOURCE_MODELS": {
        "host.Ware": [
            "name",
            "email",
            "price",
            "stock",
            "state",
            "owner",
            "parcel",
            "card_number",
            "api_token",
            "blob",
        ],
        "host.Parcel": ["number", "email"],
    },
    "SHOP_ADAPTER": "demo_shop.adapter.DemoShopAdapter",
    "SMS_PROVIDERS": {"default": {"BACKEND": "triggers.delivery.sms.locmem.LocmemBackend", "OPTIONS": {}}},
}

# Workers that tests start: the test says which broker, and which queue, so that runs at the same time do not meet.
CELERY_BROKER_URL = os.environ.get("TRIGGERS_TEST_BROKER_URL", "memory://")
CELERY_TASK_DEFAULT_QUEUE = os.environ.get("TRIGGERS_TEST_QUEUE", "triggers")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
