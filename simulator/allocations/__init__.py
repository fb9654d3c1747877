"""A stand-in for the API that publishes target weights."""

from simulator.allocations.server import SimulatedAllocations

__all__ = ["SimulatedAllocations"]
