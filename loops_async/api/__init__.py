"""The nouns of the API, such as ``loops.contacts``: one module each."""
