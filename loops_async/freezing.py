"""Frozen objects, filled for less than their constructor takes."""

from collections.abc import Callable
from typing import Any


def unfrozen(frozen: Any) -> Callable[[], Any]:
    """Makes objects that have the slots of the class ``frozen``, empty, and may be filled.

    Whoever has filled one sets its ``__class__`` to ``frozen``. The constructor of a frozen class
    takes three times as long: it may not set its own fields like anybody else's. That matters for
    what every request makes one of, and for nothing else.
    """
    fields = {
        "__slots__": (),
        "__init__": object.__init__,
        "__setattr__": object.__setattr__,
        "__delattr__": object.__delattr__,
    }
    return type(frozen.__name__, (frozen,), fields)
