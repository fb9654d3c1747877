"""What touches the world: the gateway, the allocations API. Each activity is one request of a workflow."""
