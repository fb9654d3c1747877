"""The chaos harness: the real processes, random faults from one seed, and checks against the gateway's own ledger.

It stands outside the application, like the tests, and joins it with the stand-ins. Everything stays on loopback.
"""
