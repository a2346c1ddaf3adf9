"""Accounts: sign up, log in, log out, a new password, the customer's orders."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import login, views
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordResetForm, SetPasswordForm
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from demo_shop.accounts import choose_messages, create_customer, messages_of
from demo_shop.forms import LogInForm, MessagesForm, SignUpForm
from triggers.conf import settings

BACKEND = "django.contrib.auth.backends.ModelBackend"


@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("demo_shop:account")
    form = SignUpForm(request.POST or None)
    if not form.is_valid():
        return render(request, "demo_shop/sign_up.html", {"form": form})
    user = create_customer(form.cleaned_data, language=get_language() or "en")
    login(request, user, backend=BACKEND)
    messages.success(request, _("Welcome, %(name)s. Your account is ready.") % {"name": user.first_name})
    target = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        return redirect(target)
    return redirect("demo_shop:home")


class LogIn(views.LoginView):
    template_name = "demo_shop/log_in.html"
    authentication_form = LogInForm
    redirect_authenticated_user = True
    next_page = "demo_shop:account"


class LogOut(views.LogoutView):
    next_page = "demo_shop:home"


@require_http_methods(["GET", "HEAD", "POST"])
@login_required(login_url="demo_shop:login")
def account(request: HttpRequest) -> HttpResponse:
    """The customer's orders, and the form that says which messages they want."""
    user = request.user
    assert isinstance(user, User)
    form = MessagesForm(
        request.POST if request.method == "POST" else None, initial=messages_of(user), user=user
    )
    if form.is_valid():
        choose_messages(user, form.cleaned_data)
        messages.success(request, _("Your choice is saved."))
        return redirect("demo_shop:account")
    orders = user.orders.prefetch_related("lines__product")
    return render(request, "demo_shop/account.html", {"orders": orders, "form": form})


class ForgotPassword(views.PasswordResetView):
    template_name = "demo_shop/password_forgotten.html"
    email_template_name = "demo_shop/mail/password.txt"
    subject_template_name = "demo_shop/mail/password_subject.txt"
    success_url = reverse_lazy("demo_shop:login")

    @property
    def extra_email_context(self) -> dict[str, Any]:  # type: ignore[override]
        """The address of the shop, never the one a request claims: it would end up in somebody's letter."""
        return {"base_url": settings.BASE_URL}

    def form_valid(self, form: PasswordResetForm) -> HttpResponse:
        messages.success(
            self.request, _("If there is an account with this address, a letter is on its way to it.")
        )
        return super().form_valid(form)


class NewPassword(views.PasswordResetConfirmView):
    template_name = "demo_shop/password_new.html"
    success_url = reverse_lazy("demo_shop:login")

    def form_valid(self, form: SetPasswordForm) -> HttpResponse:
        messages.success(self.request, _("Your new password is set. You can log in with it."))
        return super().form_valid(form)
