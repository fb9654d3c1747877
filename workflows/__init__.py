"""The durable story of one rebalance. Nothing here touches the world; the names below are the only strings shared."""
