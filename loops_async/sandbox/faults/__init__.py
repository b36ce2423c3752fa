"""Faults that the sandbox injects into requests and responses."""
