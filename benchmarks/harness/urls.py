"""The addresses that stand in letters, and the API with its rival."""

from django.urls import include, path

from benchmarks.rivals.bare_view import bare

urlpatterns = [path("triggers/", include("triggers.urls")), path("bare", bare)]
