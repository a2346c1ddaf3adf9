"""Settings of the processes that the fault tests start: the suite's, with what the test gives in the environment."""

from __future__ import annotations

import json
import os

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, TRIGGERS

TRIGGERS |= json.loads(os.environ.get("TRIGGERS_TEST_SETTINGS", "{}"))
if os.environ.get("TRIGGERS_TEST_NEWER"):
    INSTALLED_APPS += ["tests.faults.newer"]
