"""Where events come from without a call to `capture`: Django's auth signals and declared model changes."""

from triggers.sources.models import Changed, Created, Deleted, ModelSource, register

__all__ = ["Changed", "Created", "Deleted", "ModelSource", "register"]
