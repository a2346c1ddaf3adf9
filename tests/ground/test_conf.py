"""Settings are read live, with their defaults."""

from __future__ import annotations

import pytest
from django.test import override_settings

from triggers.conf import Settings, settings


def test_given_values_win_and_are_read_live() -> None:
    with override_settings(TRIGGERS={"WAIT_SCALE": 0.5}):
        assert settings.WAIT_SCALE == 0.5
        assert settings.TURN_BATCH == Settings.TURN_BATCH
    with override_settings(TRIGGERS={}):
        assert settings.WAIT_SCALE == 1.0


def test_a_shop_without_the_setting_gets_defaults() -> None:
    with override_settings():
        from django.conf import settings as django_settings

        del django_settings.TRIGGERS
        assert settings.DEFAULT_COUNTRY == "US"


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(AttributeError):
        _ = settings.WAIT_SKALE
    assert "WAIT_SCALE" in Settings.names()
    assert "names" not in Settings.names()
