"""The command line: ``loops-async import``, ``demo`` and ``sandbox``."""
