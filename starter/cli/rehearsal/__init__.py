"""The rehearsal: accounts as they really are, rebalanced at a stand-in."""
