"""The operations of the Loops API, one module per resource, such as ``loops.contacts``."""
