"""Many contacts and events at once: a number of statements that does not grow with them."""
