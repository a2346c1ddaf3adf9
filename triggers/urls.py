"""Public pages of the app: `path("triggers/", include("triggers.urls"))`."""

from __future__ import annotations

from django.urls import path

from triggers.tracking.unsubscribe import UnsubscribeView

app_name = "triggers"

urlpatterns = [
    path("unsubscribe/<str:token>/", UnsubscribeView.as_view(), name="unsubscribe"),
]
