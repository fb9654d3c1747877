"""What workflows and activities tell each other, and both of them the starter."""
