from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("triggers/", include("triggers.urls")),
    path("anymail/", include("anymail.urls")),
    path("", include("demo_shop.urls")),
]
