"""Records: the data sent to and returned by Loops. The JSON conversion is in ``codec``."""
