"""Pages to look at things: first page, category, product, search."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.templatetags.static import static
from django.views.decorators.http import require_safe

import triggers
from demo_shop.carts import Line
from demo_shop.events import goods
from demo_shop.forms import QuantityForm, SearchForm
from demo_shop.models import Category, Product


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Browsers ask for it on pages that name no icon of their own: the admin, a picture, an unsubscribe page."""
    return redirect(static("demo_shop/icon.svg"))


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    products = Product.objects.filter(is_featured=True).select_related("category")[:8]
    return render(request, "demo_shop/home.html", {"products": products})


@require_safe
def category(request: HttpRequest, slug: str) -> HttpResponse:
    shelf = get_object_or_404(Category, slug=slug)
    products = shelf.products.select_related("category")
    data = {"item_list_id": shelf.slug, "item_list_name": shelf.name}
    triggers.capture("view_item_list", contact=request, data=data, object_ref=f"category:{shelf.pk}")
    return render(request, "demo_shop/category.html", {"category": shelf, "products": products})


@require_safe
def product(request: HttpRequest, slug: str) -> HttpResponse:
    article = get_object_or_404(Product.objects.select_related("category"), slug=slug)
    ref = f"product:{article.pk}"
    triggers.capture("view_item", contact=request, data=goods([Line(article, 1)]), object_ref=ref)
    others = (
        Product.objects.filter(category=article.category)
        .exclude(pk=article.pk)
        .select_related("category")[:4]
    )
    context = {"product": article, "form": QuantityForm(), "others": others}
    return render(request, "demo_shop/product.html", context)


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    form = SearchForm(request.GET)
    words = form.cleaned_data["q"].strip() if form.is_valid() else ""
    found = Product.objects.matching(words).select_related("category") if words else Product.objects.none()
    products = list(found[:48])
    if words:
        data = {"search_term": words, "results": len(products)}
        triggers.capture("search", contact=request, data=data)
    return render(request, "demo_shop/search.html", {"form": form, "words": words, "products": products})
