"""The one place that knows ``ib_insync``: a session with the gateway, and the translation to and from the domain."""
