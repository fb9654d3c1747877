"""A stand-in for Ably that the unmodified client library connects to: HTTP and WebSocket on one port."""

from simulator.ably.server import SimulatedAbly

__all__ = ["SimulatedAbly"]
