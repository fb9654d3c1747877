"""The dashboard: pages for people, made on the server and kept up to date by it."""
