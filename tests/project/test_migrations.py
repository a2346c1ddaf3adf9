from __future__ import annotations

import pytest
from django.core.management import call_command


@pytest.mark.django_db
def test_no_model_change_lacks_its_migration() -> None:
    """On each database: one may see a difference where another does not."""
    call_command("makemigrations", "triggers", "demo_shop", "--check", "--dry-run", verbosity=1)
