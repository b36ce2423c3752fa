"""A sequence whose rows are made as they are read, on the event loop: for virtual time.

A generator would be read in a thread, which knows nothing of a clock that jumps.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any


class Lazy(Sequence[Any]):
    def __init__(self, rows: Iterable[Any], length: int = 0) -> None:
        self._rows = rows
        self._length = length

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Any:
        raise AssertionError("rows are read in their order")
