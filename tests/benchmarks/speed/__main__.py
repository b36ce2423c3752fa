"""The cost of the client's calls, compared with other ways to make the same requests.

``python -m tests.benchmarks.speed`` prints the table. See docs/performance.md.
"""

# ruff: noqa: T201 (it prints a table)

import argparse
import importlib.util
import os
import shutil
import sys
from pathlib import Path

from tests.benchmarks.speed import report
from tests.benchmarks.speed.chart import draw
from tests.benchmarks.speed.measuring import ROOT, Machine, has_callgrind
from tests.benchmarks.speed.rows import PAIRS, Pair, Result, imports, measured, steps
from tests.benchmarks.speed.server import serving


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.speed", description=__doc__)
    names = [*(pair.name for pair in PAIRS), "layers", "import"]
    parser.add_argument("--only", action="append", choices=names, help="this row; may be repeated")
    parser.add_argument("--quick", action="store_true", help="a tenth of the calls, for a look")
    parser.add_argument("--rounds", type=int, default=9, help="of wall time (9)")
    parser.add_argument("--sdk", type=Path, help="a folder with node_modules/loops")
    parser.add_argument("--no-count", action="store_true", help="wall time alone")
    parser.add_argument("--json", type=Path, help="write all of it here")
    parser.add_argument("--chart", type=Path, help="draw the chart here, as SVG")
    parser.add_argument(
        "--write-docs", action="store_true", help="docs/performance.{md,json,svg} all at once"
    )
    return parser.parse_args()


def _missing(pair: Pair, sdk: Path | None) -> str | None:
    """What a row needs that is not there."""
    if pair.name == "sdk":
        if sdk is None or shutil.which("node") is None:
            return "needs node, and --sdk FOLDER where 'npm install loops@7.3.0' was run"
        return None
    module = {"pyloops": "pyloops", "uvloop": "uvloop", "mixed": "uvloop"}.get(pair.name)
    if module is not None and importlib.util.find_spec(module) is None:
        return f"needs {module} to be installed"
    return None


def main() -> None:
    """Measure, print, write."""
    given = _arguments()
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    ours, servers = (cores[0], cores[1]) if len(cores) > 1 else (None, None)
    pinned = "client and server on one each" if ours is not None else "not pinned"
    count = has_callgrind() and not given.no_count
    if not count:
        print("without valgrind: wall time alone, which cannot resolve 10 %\n")
    results: list[Result] = []
    with serving(servers) as (url, server):
        machine = Machine(url, ours, given.sdk.resolve() if given.sdk else None)
        for pair in PAIRS:
            if given.only and pair.name not in given.only:
                continue
            if (missing := _missing(pair, given.sdk)) is not None:
                print(f"{pair.says}: left out, {missing}", file=sys.stderr)
                continue
            share = 0.1 if given.quick else 1.0
            print(f"{pair.says} …", file=sys.stderr, flush=True)
            results.append(measured(pair, machine, number=given.rounds, share=share, count=count))
        counts: dict[str, float] = {}
        if count and (not given.only or "layers" in given.only):
            print("layers …", file=sys.stderr, flush=True)
            counts = steps(machine)
    if not given.only or "import" in given.only:
        print("imports …", file=sys.stderr, flush=True)
        results.extend(imports(given.rounds, count=count))
    _deliver(given, results, counts, report.facts(server, given.rounds, pinned))


def _deliver(
    given: argparse.Namespace,
    results: list[Result],
    counts: dict[str, float],
    about: dict[str, str],
) -> None:
    print(report.table(results))
    print("\n" + report.steps_table(counts))
    print("\n" + ", ".join(f"{name} {value}" for name, value in about.items()))
    docs = ROOT / "docs"
    if given.write_docs:
        report.write_into(docs / "performance.md", results, counts, about)
        given.json, given.chart = docs / "performance.json", docs / "performance.svg"
    if given.json is not None:
        given.json.write_text(report.as_json(results, counts, about))
    if given.chart is not None:
        draw(results, given.chart)


if __name__ == "__main__":
    main()
