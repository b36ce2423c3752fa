"""The pacer of a real client against a real sandbox, over real sockets, beside what it replaces.

Run by hand: ``python -m tests.benchmarks.pacing [--quick]``; eight minutes, or three when quick.
With ``--write-docs`` it writes docs/pacing.json, docs/pacing.svg and the tables of docs/pacing.md.
"""

# ruff: noqa: T201 (it prints tables)

import argparse
import json
import multiprocessing
import os
import platform
import sys
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

import cattrs

from tests.benchmarks.pacing_plan import PHASES, Job, plan
from tests.benchmarks.pacing_rows import Results
from tests.benchmarks.pacing_tables import rewritten, sections

DOCS = Path(__file__).parents[2] / "docs"

_ROOM = 12
"""How much weight runs at a time: two runs at a hundred requests a second, or twelve at ten.

Two runs at a hundred keep two cores busy by a third, so that nobody waits for a core.
"""


def measure(jobs: Iterable[Job], pool: "ProcessPoolExecutor") -> dict[str, list[Any]]:
    """Make the runs, as many at a time as there is room for; their rows, in the plan's order."""
    jobs = list(jobs)
    rows: dict[Job, Any] = {}
    for phase in PHASES:
        waiting = [job for job in jobs if job.section in phase]
        running: dict[Future[Any], Job] = {}
        while waiting or running:
            for job in list(waiting):
                if sum(one.weight for one in running.values()) + job.weight <= _ROOM:
                    waiting.remove(job)
                    running[pool.submit(job.run, *job.arguments, **dict(job.options))] = job
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job = running.pop(future)
                rows[job] = future.result()
                _say(f"{time.strftime('%H:%M:%S')} {job}")
    made: dict[str, list[Any]] = {}
    for job in jobs:
        made.setdefault(job.section, []).append(rows[job])
    return made


def report(results: Results) -> bool:
    """Print every table; whether all promises were kept."""
    for name, text in sections(results).items():
        print(f"\n## {name}\n\n{text}")
    kept = results.kept
    print(f"\n{'Every promise was kept.' if kept else 'A PROMISE WAS MISSED.'}")
    return kept


def write_docs(results: Results) -> None:
    """Put the figures into docs/pacing.md and what the chart is made of into docs/pacing.json."""
    page = DOCS / "pacing.md"
    page.write_text(rewritten(page.read_text("utf-8"), sections(results)), "utf-8")


def _save(results: Results, path: Path) -> None:
    path.write_text(json.dumps(_rounded(cattrs.unstructure(results)), indent=1) + "\n", "utf-8")


def load(path: Path) -> Results:
    """What an earlier run saved."""
    return cattrs.structure(json.loads(path.read_text("utf-8")), Results)


def _rounded(data: Any) -> Any:
    if isinstance(data, float):
        return round(data, 5)
    if isinstance(data, dict):
        return {key: _rounded(value) for key, value in data.items()}
    return [_rounded(one) for one in data] if isinstance(data, list) else data


def _machine() -> str:
    """Where this runs, and how much others ran there when it began."""
    return (
        f"Python {platform.python_version()}, {multiprocessing.cpu_count()} cores, with a load of "
        f"{os.getloadavg()[0]:.1f} from elsewhere when the run began."
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="five seconds for each run")
    parser.add_argument("--seconds", type=float, default=20.0, help="counted in each run")
    parser.add_argument(
        "--only", nargs="+", choices=set.union(*PHASES), help="run these sections alone"
    )
    parser.add_argument("--load", type=Path, metavar="JSON", help="run nothing: show a saved run")
    parser.add_argument("--json", type=Path, metavar="OUT", help="save all figures")
    parser.add_argument("--chart", type=Path, metavar="SVG", help="draw (needs matplotlib)")
    parser.add_argument(
        "--write-docs", action="store_true", help="the tables, pacing.json and pacing.svg of docs/"
    )
    args = parser.parse_args()
    if args.write_docs and args.only:
        parser.error("--write-docs needs every section: leave --only out")
    return args


def main() -> None:
    args = _arguments()
    if args.load:
        results = load(args.load)
    else:
        seconds = 5.0 if args.quick else args.seconds
        jobs = [job for job in plan(seconds) if not args.only or job.section in args.only]
        # Spawned, for a client must not inherit anything of this process.
        context = multiprocessing.get_context("spawn")
        machine = _machine()
        with ProcessPoolExecutor(_ROOM, mp_context=context) as pool:
            results = Results(machine, **measure(jobs, pool))
    kept = report(results)
    if args.write_docs:
        write_docs(results)
    for path in filter(None, [args.json, DOCS / "pacing.json" if args.write_docs else None]):
        _save(results, path)
    for path in filter(None, [args.chart, DOCS / "pacing.svg" if args.write_docs else None]):
        # Here, because each spawned process imports this module again, and matplotlib is slow.
        from tests.benchmarks.pacing_chart import draw  # noqa: PLC0415

        draw(results, path)
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
