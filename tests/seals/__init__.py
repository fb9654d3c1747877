"""Promise P10: nobody trades without the key."""
