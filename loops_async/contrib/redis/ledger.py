"""What one process and the script tell each other about one team's budget."""

import math
import secrets
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import attrs

from loops_async.contrib.redis.permit import Sent
from loops_async.contrib.redis.script import MICRO
from loops_async.pacing import learning
from loops_async.pacing.learning import LONGEST_GRACE, Grace, Peak, read_limit, read_remaining
from loops_async.pacing.slots import Slots
from loops_async.pipeline.messages import Lane, Reply

LATE: Final = 0.005
"""Seconds after its time at which a turn given late is worth telling before its reply comes."""

_BATCH: Final = 0.05
"""Seconds of a process's share that it reserves at a time, where that is more than one slot."""

_LIVE_FOR: Final = 60.0
"""Seconds for which the number of processes last heard of is believed."""

_REMEMBERED: Final = 1000
"""Requests told at a time at the most."""


class Reservation(NamedTuple):
    """A slot that is ours from a time on. In the order of the times."""

    due: float
    """In the event loop's time."""
    number: int
    lane: str
    pressed: bool
    """Whether it has to be waited for."""


@attrs.frozen
class Answer:
    """What the script said.

    Attributes:
        reserved: The slots, in order.
        again: Seconds after which to ask anew, where none was to be had; 0.0 otherwise.
    """

    reserved: list[Reservation]
    again: float


class Ledger:
    """One team's budget as this process knows it, on one event loop."""

    def __init__(
        self, keys: Sequence[str], rate: float, max_rate: float, processes: int, now: float
    ) -> None:
        self.keys = keys
        self.grace: Grace = Grace()
        self.limit: float = rate
        self.recent: deque[Sent] = deque()
        """What was sent within the last period and grace."""
        self.returned: list[int] = []
        self.hold: float = 0.0
        """Seconds to stand still that nobody else has been told of."""
        self.told: float = 0
        """A limit that nobody else has been told of."""
        self.refused: bool = False
        """Whether there was a 429 that nobody else has been told of."""
        self.forgotten: bool = False
        """Whether Redis has lost what it knew, so that what was sent must be told again."""
        self._max_rate = max_rate
        self._assumed_processes = processes
        self._token = secrets.token_hex(6)
        self._number = 0
        self._reports: deque[tuple[object, ...]] = deque(maxlen=_REMEMBERED)
        self._offset = Peak(30.0)
        self._least_offset = now - time.time()
        """What to take off the event loop's time to get Redis'; a guess until it has been asked."""
        self._live, self._live_since = 0, -math.inf
        self._trip = 0.0
        self._met = False

    @property
    def rate(self) -> float:
        """Requests per second of all processes together."""
        return min(self.limit, self._max_rate)

    @property
    def period(self) -> float:
        """Seconds for which a slot is in use, without its grace."""
        return math.ceil(self.rate) / self.rate

    def processes(self, now: float) -> int:
        """How many processes share the budget, as far as is known."""
        return self._live if self._is_told(now) else self._assumed_processes

    def _is_told(self, now: float) -> bool:
        """Whether Redis has said lately how many processes there are."""
        return now - self._live_since < _LIVE_FOR

    def share(self, now: float) -> float:
        """Requests per second of this process where Redis cannot share the limit out."""
        count = self.processes(now)
        return self.rate / count if self.rate < count else float(self.rate // count)

    def alone(self, now: float) -> str:
        """What goes on without Redis, for the log."""
        share = f"{self.share(now):g} requests per second"
        if self._is_told(now):
            return share
        return (
            f"{share} (how many processes there are is not known; {self._assumed_processes} are "
            "assumed, see RedisPacer's processes=)"
        )

    def next_number(self, count: int = 1) -> int:
        """The first of ``count`` numbers that no other request of this process has."""
        self._number += count
        return self._number - count + 1

    def local_slots(self, now: float) -> Slots:
        """This process's own share of the budget, where Redis cannot share it out.

        All shares together are no more than the limit, in any second; what was sent a moment ago
        has its slots in it already.
        """
        slots = Slots(self.share(now), self.grace)
        self._forget_old(now)
        for sent in self.recent:
            slots.hold(sent.at, sent.grace)
        return slots

    def note(self, sent: Sent, due: float) -> None:
        """A request goes now, whose turn was at ``due``."""
        self._forget_old(sent.at)
        self.recent.append(sent)
        if sent.slot is None and sent.at - due > LATE:
            self._report(sent, "", -1, sent.at)

    def settle(self, sent: Sent, reply: Reply | None, now: float) -> None:
        """Learn from how a request ended, and note what to tell."""
        outcome, remaining = "", -1
        if reply is None:
            sent.grace = min(LONGEST_GRACE, now - sent.at)
        else:
            if sent.slot is None:
                sent.grace = self.grace.after(reply.status, now - sent.at, now, sent.pressed)
            outcome = "refused" if reply.status == 429 else "taken" if sent.pressed else ""
            self.refused |= outcome == "refused" and sent.slot is None
            if sent.slot is None:
                self.hold = max(self.hold, learning.read_hold(reply, time.time()))
            limit = read_limit(reply.headers)
            if limit is not None and limit != self.limit:
                self.limit = self.told = float(limit)
            else:
                found = read_remaining(reply.headers, math.ceil(self.limit))
                remaining = 0 if reply.status == 429 else -1 if found is None else found
        if sent.slot is None:
            self._report(sent, outcome, remaining, now)

    def is_news(self) -> bool:
        """Whether there is what cannot wait for the next reservation."""
        return bool(self.hold or self.told or self.refused)

    def arguments(
        self, lane: Lane, wanted: int, now: float, *, returning: bool
    ) -> tuple[list[object], int]:
        """The script's arguments, and the number of the first slot it may reserve."""
        if returning or self.forgotten:
            self._reports.clear()
            self._forget_old(now)
            for sent in list(self.recent)[-_REMEMBERED:]:
                self._report(sent, "", -1, sent.at)
        first = self.next_number(wanted)
        returned, reports = self.returned, self._reports
        arguments: list[object] = [
            self._token, lane.value, wanted, first, self.limit, self.told,
            min(self._max_rate, 1e9), round(self.grace.usual * MICRO), round(self.hold * MICRO),
            round(max(_BATCH, min(2 * self._trip, 0.5)) * MICRO),
            self.processes(now) if returning else 0,
            round((now - self._least_offset) * MICRO) if self._met else 0,
            len(returned), *returned,
        ]  # fmt: skip
        for report in reports:
            arguments += report
        self.returned, self._reports = [], deque(maxlen=_REMEMBERED)
        self.hold, self.told, self.refused, self.forgotten = 0.0, 0, False, False
        return arguments, first

    def read(self, reply: Any, lane: Lane, first: int, called: float, now: float) -> Answer:
        """Understand the script's reply to a call made at ``called``.

        Raises:
            ValueError: It is not one.
            TypeError: It is not one.
        """
        at, live, limit, boldness, is_fresh, again, *waits = (int(part) for part in reply)
        self._live, self._live_since = max(1, live), now
        if not self.told:
            self.limit = limit / MICRO
        self.grace.become(boldness / MICRO)
        self.forgotten |= bool(is_fresh) and self._met
        self._met = True
        self._trip += (min(now - called, 1.0) - self._trip) / 10
        redis_now = at / MICRO
        # The quickest reply is the best witness of how the two clocks differ. It is never early.
        self._offset.note(redis_now - now, now)
        self._least_offset = -self._offset.at(now)
        reserved: list[Reservation] = []
        for index, wait in enumerate(waits):
            seconds = wait / MICRO
            due = redis_now + seconds + self._least_offset
            due = min(max(due, called + seconds), now + seconds)
            reserved.append(Reservation(due, first + index, lane.value, wait > 1000))
        return Answer(reserved, again / MICRO)

    def farewell(self, now: float) -> list[object]:
        """Arguments that take this process off the list of those that share the budget."""
        arguments, _ = self.arguments(Lane.BULK, 0, now, returning=False)
        arguments[1] = "leave"
        return arguments

    def _report(self, sent: Sent, outcome: str, remaining: int, replied: float) -> None:
        offset = self._least_offset
        self._reports.append((
            sent.number, round((sent.at - offset) * MICRO), round(sent.grace * MICRO),
            outcome, remaining, round((replied - offset) * MICRO),
        ))  # fmt: skip

    def _forget_old(self, now: float) -> None:
        recent, since = self.recent, now - self.period - LONGEST_GRACE
        while recent and recent[0].at < since:
            recent.popleft()
