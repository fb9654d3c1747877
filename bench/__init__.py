"""Benchmarks: each prints what it measured, and writes the table of its document."""
