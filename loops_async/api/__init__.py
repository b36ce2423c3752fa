"""The operations of the Loops API, one module for each noun, such as ``loops.contacts``."""
