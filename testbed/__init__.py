"""Starts the real processes around stand-ins, on loopback: for the demo, rehearsals, chaos, bench and the tests."""
