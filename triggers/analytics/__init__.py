"""Questions about what happened: read-only, a bounded number of queries each, answered with dataclasses."""
