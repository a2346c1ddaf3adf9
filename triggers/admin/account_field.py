"""The choice of a provider account for a template, where the shop has more than one."""

from __future__ import annotations

from collections import defaultdict

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from triggers.accounts import DEFAULT, SETTINGS, accounts
from triggers.models import Channel, Template


def has_choice(template: Template | None) -> bool:
    """Whether there is anything to choose; or to mend, when a template's account was taken out of the settings."""
    return bool(_channels_by_alias() or (template and template.account))


def account_field(current: str) -> forms.ChoiceField:
    """All accounts but the default one, with their channels; `current` stays to be seen even if it is gone."""
    choices = [("", _("the default one"))]
    known = _channels_by_alias()
    choices += [(alias, f"{alias} ({', '.join(channels)})") for alias, channels in known.items()]
    if current and current not in known and current != DEFAULT:
        choices.append((current, _("%(account)s (not in the settings any more)") % {"account": current}))
    field = Template._meta.get_field("account")
    return forms.ChoiceField(
        choices=choices, required=False, label=capfirst(field.verbose_name), help_text=field.help_text
    )


def account_problem(account: str, channel: str) -> str:
    """Why a template of this channel cannot have this account; empty if it can."""
    if not account or account in accounts(channel):
        return ""
    return _("There is no account “%(account)s” for this channel.") % {"account": account}


def _channels_by_alias() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for channel in SETTINGS:
        for alias in accounts(channel):
            if alias != DEFAULT:
                found[alias].append(str(Channel(channel).label))
    return dict(found)
