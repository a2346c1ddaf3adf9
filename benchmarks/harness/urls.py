"""The addresses that stand in letters."""

from django.urls import include, path

urlpatterns = [path("triggers/", include("triggers.urls"))]
