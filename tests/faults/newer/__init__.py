"""An app that only processes of a newer release have: `TRIGGERS_TEST_NEWER=1` in their environment."""
