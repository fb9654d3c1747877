"""Stand-ins for the outside world, for local use and tests: IB Gateway, Ably, the allocations API."""
