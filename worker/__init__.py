"""Hosts workflows and activities: queues, slots, and the life of the gateway session."""
