"""The operations of the Loops API: each an endpoint value and a function of a few lines."""
