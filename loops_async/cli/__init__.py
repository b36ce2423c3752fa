"""The command line: ``loops-async check``, ``validate``, ``import``, ``demo``, ``sandbox``."""
