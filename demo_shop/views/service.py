"""Newsletter, enquiries, delivery terms, price list."""

from __future__ import annotations

import csv
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

import triggers
from demo_shop.forms import EnquiryForm, NewsletterForm
from demo_shop.models import CURRENCY, Product
from demo_shop.models.order import Delivery
from demo_shop.newsletter import ask_for_newsletter, confirm, signup_of_token
from demo_shop.orders import FREE_SHIPPING_FROM, SHIPPING

PRICE_LIST = "glow-and-grain-prices.csv"


@require_http_methods(["GET", "HEAD", "POST"])
def newsletter(request: HttpRequest) -> HttpResponse:
    form = NewsletterForm(request.POST or None)
    if not form.is_valid():
        return render(request, "demo_shop/newsletter.html", {"form": form})
    ask_for_newsletter(form.cleaned_data["email"])
    return render(request, "demo_shop/newsletter_asked.html", {"email": form.cleaned_data["email"]})


@require_http_methods(["GET", "HEAD", "POST"])
def newsletter_confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Programs that scan letters open every link, so opening it says nothing: only the button counts."""
    signup = signup_of_token(token)
    if signup is None:
        return render(request, "demo_shop/newsletter_confirm.html", {"signup": None}, status=404)
    if request.method == "POST":
        confirm(signup)
        triggers.identify(request, signup.email)
    return render(request, "demo_shop/newsletter_confirm.html", {"signup": signup})


@require_http_methods(["GET", "HEAD", "POST"])
def enquiry(request: HttpRequest) -> HttpResponse:
    form = EnquiryForm(request.POST or None, initial=_known_of(request))
    if not form.is_valid():
        return render(request, "demo_shop/enquiry.html", {"form": form})
    with transaction.atomic():
        question = form.save(commit=False)
        question.user = request.user if isinstance(request.user, User) else None
        question.save()
        triggers.capture(
            "generate_lead",
            contact=question.user or question.email,
            data={"form": "enquiry", "subject": question.subject},
            object_ref=f"enquiry:{question.pk}",
        )
    messages.success(request, _("Thank you. We answer within one working day."))
    return redirect("demo_shop:enquiry")


def _known_of(request: HttpRequest) -> dict[str, Any]:
    user = request.user
    return {"name": user.get_full_name(), "email": user.email} if isinstance(user, User) else {}


@require_safe
def delivery_terms(request: HttpRequest) -> HttpResponse:
    context = {
        "standard": SHIPPING[Delivery.STANDARD],
        "express": SHIPPING[Delivery.EXPRESS],
        "free_from": FREE_SHIPPING_FROM,
    }
    return render(request, "demo_shop/delivery.html", context)


@require_safe
def price_list(request: HttpRequest) -> HttpResponse:
    """All prices as CSV, with the mark at its beginning that spreadsheets need to read it as UTF-8."""
    response = HttpResponse("\N{ZERO WIDTH NO-BREAK SPACE}", content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{PRICE_LIST}"'
    rows = csv.writer(response)
    rows.writerow([_("Article"), _("Name"), _("Category"), _("Price"), _("Currency"), _("In stock")])
    for product in Product.objects.select_related("category"):
        rows.writerow(
            [product.sku, product.name, product.category.name, product.price, CURRENCY, product.stock]
        )
    data = {"file_name": PRICE_LIST, "file_extension": "csv"}
    triggers.capture("file_download", contact=request, data=data)
    return response
