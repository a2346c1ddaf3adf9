"""Senders: what may leave is claimed, rendered, handed to a provider, and its result recorded."""
