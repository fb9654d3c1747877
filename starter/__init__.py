"""Starts workflows: the Ably listener and the command line."""
