"""django-allauth's real apps: a sign-up, a confirmed address and a network's login are events."""

from __future__ import annotations

import pytest

from tests.docs.foreign import Project, blocks_of
from tests.docs.test_readme import README

pytest.importorskip("allauth", reason="django-allauth is not installed")

SETTINGS = """
INSTALLED_APPS += ["allauth", "allauth.account", "allauth.socialaccount"]
MIDDLEWARE += ["allauth.account.middleware.AccountMiddleware"]
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend", "allauth.account.auth_backends.AuthenticationBackend",
]
TRIGGERS["SHOP_ADAPTER"] = "triggers.shop.adapter.ShopAdapter"
ALLOWED_HOSTS = ["localhost"]
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
"""
URLS = """
urlpatterns += [path("accounts/", include("allauth.urls"))]
"""
SIGN_UP = """
import re

from django.core import mail
from django.test import Client

from triggers.models import Contact, Event

from django.test.utils import setup_test_environment
setup_test_environment()
client = Client(headers={"host": "localhost"})
form = {"email": "anna@example.com", "password1": "long and odd 7", "password2": "long and odd 7"}
assert client.post("/accounts/signup/", form).status_code == 302
link = re.search(r"http://localhost(/accounts/confirm-email/\\S+)", mail.outbox[0].body).group(1)
assert client.post(link).status_code == 302
names = list(Event.objects.order_by("pk").values_list("name", flat=True))
assert names[:1] == ["sign_up"] and "email_confirmed" in names, names
assert names.count("sign_up") == 1
assert Contact.objects.get().email == "anna@example.com"
"""
SOCIAL = """
from allauth.account.models import EmailAddress
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.helpers import complete_social_login
from allauth.socialaccount.models import SocialAccount, SocialLogin
from allauth.core import context
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.test import RequestFactory

from triggers.models import Event

def come(uid):
    request = RequestFactory().get("/", headers={"host": "localhost"})
    SessionMiddleware(lambda one: None).process_request(request)
    MessageMiddleware(lambda one: None).process_request(request)
    request.user = AnonymousUser()
    user = User(username=uid, email=f"{uid}@example.com", first_name="Ben")
    account = SocialAccount(provider="dummy", uid=uid)
    provider = get_adapter().get_provider(request, "dummy")
    login = SocialLogin(user=user, account=account, provider=provider, email_addresses=[EmailAddress(email=user.email, verified=True, primary=True)])
    with context.request_context(request):
        complete_social_login(request, login)

come("ben")
come("ben")
told = [(one.name, one.data) for one in Event.objects.filter(contact__email="ben@example.com").order_by("pk")]
assert ("social_sign_up", {"provider": "dummy"}) in told, told
assert told.count(("social_login", {"provider": "dummy"})) == 2, told
assert [name for name, _data in told].count("sign_up") == 1, told
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("allauth"))
    project.environment["PYTHONWARNINGS"] = "ignore"
    ours = [one for one in blocks_of(README) if one.variant in ("", "on SQLite") and "CELERY" not in one.code]
    project.follow([one for one in ours if one.path in ("mysite/settings.py", "mysite/urls.py")])
    project.write("mysite/settings.py", SETTINGS)
    project.write("mysite/settings.py", 'INSTALLED_APPS += ["allauth.socialaccount.providers.dummy"]')
    project.write("mysite/urls.py", URLS)
    project.manage("migrate", "--run-syncdb", "--verbosity", "0")
    return project


def test_a_sign_up_and_a_confirmed_address(shop: Project) -> None:
    shop.shell(SIGN_UP)


def test_a_networks_sign_up_and_login(shop: Project) -> None:
    shop.shell(SOCIAL)
