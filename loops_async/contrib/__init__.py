"""Integrations with other libraries. Each requires an extra."""
