"""How fast many accounts are rebalanced over one gateway: beside the gateway's limit and the original's way."""
