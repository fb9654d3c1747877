"""Targets and holdings in, orders in whole shares out."""
