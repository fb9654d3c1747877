"""The watch: reads what the server tells of everything, and has what is new told. Rebalances know nothing of it."""
