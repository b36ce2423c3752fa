"""Two ways to measure: wall time in interleaved rounds, and user-space instructions (callgrind)."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[3]
_HERE = Path(__file__).parent
_TOTAL = re.compile(r"^(?:totals|summary): (\d+)$", re.MULTILINE)


@attrs.frozen
class Contender:
    """One of the two that a row compares.

    Attributes:
        name: Of ``contenders``, or "sdk".
        loop: "asyncio", "uvloop" or "eager".
    """

    name: str
    loop: str = "asyncio"

    def __str__(self) -> str:
        return self.name if self.loop == "asyncio" else f"{self.name} on {self.loop}"


@attrs.frozen
class Machine:
    """The server and the processor core that all contenders use.

    Attributes:
        url: The server's address.
        core: The core that the contenders are pinned to, or None.
        sdk: The folder whose node_modules hold the JavaScript SDK, or None.
    """

    url: str
    core: int | None
    sdk: Path | None = None

    def command(self, contender: Contender) -> list[str]:
        """The command that starts ``contender``."""
        if contender.name == "sdk":
            return ["node", str(_HERE / "sdk.mjs"), str(self.sdk), self.url]
        module = "tests.benchmarks.speed.child"
        loop = ["--loop", contender.loop]
        return [sys.executable, "-m", module, contender.name, self.url, *loop]

    @contextlib.contextmanager
    def started(self, contender: Contender, *, under: Sequence[str] = ()) -> Iterator["Child"]:
        """Start ``contender`` in a process of its own, run by the program ``under`` if given."""
        process = subprocess.Popen(  # noqa: S603 - ourselves
            [*under, *self.command(contender)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, cwd=ROOT, env=_environment(),
        )  # fmt: skip
        with process:
            if self.core is not None:
                os.sched_setaffinity(process.pid, {self.core})
            try:
                yield Child(process)
            finally:
                process.communicate()
        if process.returncode:
            raise RuntimeError(f"{contender} failed")


@attrs.frozen
class Child:
    """A contender that waits for a number of calls to make."""

    process: "subprocess.Popen[str]"

    def run(self, count: int) -> float:
        """Make ``count`` calls and return the seconds for one."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        took: float = json.loads(self.process.stdout.readline())["wall"]
        return took / count


def rounds(
    machine: Machine, counts: dict[Contender, int], number: int
) -> dict[Contender, list[float]]:
    """Seconds for one call, by contender and round. The contenders alternate in each round.

    Args:
        machine: Where.
        counts: How many updates each makes in a round.
        number: How many rounds.
    """
    seconds: dict[Contender, list[float]] = {contender: [] for contender in counts}
    with contextlib.ExitStack() as stack:
        children = {c: stack.enter_context(machine.started(c)) for c in counts}
        for round_ in range(-1, number):
            # Every other round the other way round, so that nobody always runs after the same.
            order = list(counts) if round_ % 2 else list(reversed(counts))
            for contender in order:
                took = children[contender].run(counts[contender])
                if round_ >= 0:  # the first is for warming up
                    seconds[contender].append(took)
    return seconds


def instructions(machine: Machine, contender: Contender, low: int, high: int) -> float:
    """User-space instructions for one call: the mean of ``high`` calls, after ``low`` to warm up.

    Counting begins when the contender is warm and waits, so neither the start of Python nor its
    imports are in it, and the same count comes out twice to one in a thousand.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        valgrind = ["valgrind", "-q", "--tool=callgrind", "--instr-atstart=no"]
        valgrind.append(f"--callgrind-out-file={out}")
        with machine.started(contender, under=valgrind) as child:
            child.run(low)
            _control("--instr=on", child)
            child.run(high)
            _control("--dump", child)
        found = _TOTAL.search(out.with_suffix(".1").read_text())
    assert found is not None, "callgrind counted nothing"
    return int(found[1]) / high


def _control(order: str, child: Child) -> None:
    command = ["callgrind_control", order, str(child.process.pid)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - ourselves


def instructions_of(code: str) -> int:
    """User-space instructions of a Python process that runs ``code``."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
        command = [*valgrind, sys.executable, "-c", code]
        subprocess.run(command, capture_output=True, check=True, cwd=ROOT, env=_environment())  # noqa: S603
        found = _TOTAL.search(out.read_text())
    assert found is not None, "callgrind counted nothing"
    return int(found[1])


def seconds_of(code: str) -> float:
    """Wall time of a Python process that runs ``code``, in seconds."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=_environment())  # noqa: S603
    return time.perf_counter() - begin


def has_callgrind() -> bool:
    """Whether instructions can be counted here."""
    return shutil.which("valgrind") is not None and shutil.which("callgrind_control") is not None


def _environment() -> dict[str, str]:
    # The same hashes in every process: dictionaries of the same layout, the same count twice.
    fixed = {"PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}
    return {**os.environ, **fixed}
