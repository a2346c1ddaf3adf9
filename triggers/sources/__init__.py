"""Where events come from without a call to `capture`: Django's signals, other apps', and changes of models."""

from triggers.sources.models import Changed, Created, Deleted, Fell, ModelSource, Rose, register

__all__ = ["Changed", "Created", "Deleted", "Fell", "ModelSource", "Rose", "register"]
