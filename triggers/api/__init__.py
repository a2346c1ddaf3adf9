"""The keyed JSON API: events and contacts from systems that are not the shop's own code. See docs/api.md."""
