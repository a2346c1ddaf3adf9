"""One runnable file per figure we claim, each with its rivals measured in the same run."""
