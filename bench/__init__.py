"""Measurements; nothing of the application depends on them."""
