"""Public pages of the app: `path("triggers/", include("triggers.urls"))`."""

from __future__ import annotations

from django.urls import path

from triggers.api.views import ContactsView, EventsView, openapi
from triggers.tracking.collect import CollectView
from triggers.tracking.unsubscribe import UnsubscribeView

app_name = "triggers"

urlpatterns = [
    path("api/v1/events", EventsView.as_view(), name="api_events"),
    path("api/v1/contacts", ContactsView.as_view(), name="api_contacts"),
    path("api/v1/openapi.json", openapi, name="api_document"),
    path("collect/", CollectView.as_view(), name="collect"),
    path("unsubscribe/<str:token>/", UnsubscribeView.as_view(), name="unsubscribe"),
]
