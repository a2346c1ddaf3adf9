"""Addresses of the whole demo: the shop, the admin, the public pages of `triggers`, the pictures."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path
from django.views.static import serve

urlpatterns = [
    path("admin/", admin.site.urls),
    path("triggers/", include("triggers.urls")),
    # A real shop lets its web server do this.
    re_path(r"^media/(?P<path>.*)$", serve, {"document_root": settings.MEDIA_ROOT}),
    path("", include("demo_shop.urls")),
]
