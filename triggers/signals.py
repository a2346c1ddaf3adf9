"""Signals a host project may listen to. Receivers run in our process and must be quick."""

from __future__ import annotations

from django.dispatch import Signal

# An event was written in the caller's transaction. Arguments: event (Event).
event_captured = Signal()

# An event could not be written; the shop's request went on. Arguments: name (str), error (Exception).
capture_failed = Signal()

# A message is about to be handed to its provider. Raise SendCancelled to stop this one. Arguments: message (Message).
message_sending = Signal()

# The provider of a lane does not work, or refuses our domain: nothing leaves it until it is tried again. Sent once for
# each time, and by the sender that noticed. Arguments: lane (str), detail (str).
lane_broken = Signal()

# A message reached a state that its sender knows. Arguments: message (Message), state (str).
message_settled = Signal()
