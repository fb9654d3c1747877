"""accounts.yaml and the environment: the only place that reads files and variables."""
