"""The nouns of the API as a client shows them, such as ``loops.contacts``."""
