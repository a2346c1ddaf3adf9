"""Settings of the benchmarks: the app alone, on the database that the harness has made."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

from tests.services import login, service_url

SERVER = login(service_url("TRIGGERS_TEST_POSTGRES_URL"))
NAMES = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}

DATABASES: dict[str, Any] = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ.get("TRIGGERS_BENCH_DATABASE", "triggers_bench"),
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            **{name: value for name, value in SERVER.items() if name not in NAMES},
            # PostgreSQL's default, said aloud: no figure is bought with durability.
            "options": "-c synchronous_commit=on",
        },
        **{NAMES[name]: value for name, value in SERVER.items() if name in NAMES},
    }
}

SECRET_KEY = "for benchmarks only"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "triggers"]
# A rival that only `deliver` measures; the others run without it.
if find_spec("post_office"):
    INSTALLED_APPS.append("post_office")
# post_office passes what it is given through Django's engine.
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "benchmarks.harness.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# Where a process that the harness starts sends its letters.
if port := os.environ.get("TRIGGERS_BENCH_SMTP_PORT"):
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST, EMAIL_PORT = "127.0.0.1", int(port)
DEFAULT_FROM_EMAIL = "Lamp Shop <hello@shop.example>"

TRIGGERS: dict[str, Any] = {
    "BASE_URL": "https://shop.example",
    "SHOP_ADAPTER": "benchmarks.harness.shop.MemoryShop",
}
