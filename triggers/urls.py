"""Public pages of the app: `path("triggers/", include("triggers.urls"))`."""

from __future__ import annotations

from django.urls import path

from triggers.tracking.collect import CollectView
from triggers.tracking.unsubscribe import UnsubscribeView

app_name = "triggers"

urlpatterns = [
    path("collect/", CollectView.as_view(), name="collect"),
    path("unsubscribe/<str:token>/", UnsubscribeView.as_view(), name="unsubscribe"),
]
