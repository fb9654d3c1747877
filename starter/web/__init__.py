"""The HTTP API: the desk's functions for programs, and for nobody's web page."""
