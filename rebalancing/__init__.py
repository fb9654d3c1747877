"""The domain: accounts, targets, plan, orders, outcomes. Pure: no network, no Temporal."""
