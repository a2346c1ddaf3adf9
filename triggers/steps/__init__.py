"""Step kinds: one file each. Host projects add theirs in `<app>/triggers_hooks.py`."""

from triggers.steps import change_contact, condition, exit, send_email, send_sms, wait
from triggers.steps.base import NoConfig, Step, steps

__all__ = [
    "NoConfig",
    "Step",
    "change_contact",
    "condition",
    "exit",
    "send_email",
    "send_sms",
    "steps",
    "wait",
]
