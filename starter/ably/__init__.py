"""The listener: events published with Ably become workflows."""
