"""The results as Markdown tables, as JSON, and in docs/performance.md."""

import importlib.metadata
import json
import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import attrs

from tests.benchmarks.speed.rows import Result

_FIGURES, _LAYERS = "figures", "layers"
_PACKAGES = ("aiohttp", "attrs", "cattrs", "orjson", "yarl", "multidict", "uvloop", "pyloops")


def table(results: Sequence[Result]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| compared | wanted | instructions | wall time (middle half) | ours | theirs |  |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in results:
        is_import = row.name.startswith("import")
        counted = f"{row.counted:.{3 if is_import else 2}f} x" if row.counted is not None else "-"
        wall = f"{row.wall:.2f} x ({row.quartiles[0]:.2f} to {row.quartiles[1]:.2f})"
        if row.decides == "counted":
            counted = f"**{counted}**"
        else:
            wall = f"**{wall}**"
        ours, theirs = _cost(row.ours, is_import), _cost(row.theirs, is_import)
        lines.append(
            f"| {row.says} | {'≤' if is_import else '≥'} {row.floor:g} x | {counted} | {wall} "
            f"| {ours} | {theirs} | {'met' if row.met else '**missed**'} |"
        )
    return "\n".join(lines)


def steps_table(counts: dict[str, float]) -> str:
    """The layers as a Markdown table."""
    lines = ["| layer | adds | so far |", "|---|---|---|"]
    before = 0.0
    for says, count in counts.items():
        lines.append(f"| {says} | {(count - before) / 1e3:.0f} k | {count / 1e3:.0f} k |")
        before = count
    return "\n".join(lines)


def _cost(cost: tuple[float | None, float], is_import: bool) -> str:
    counted, seconds = cost
    if counted is None:
        return f"{seconds * 1e6:.0f} µs"
    if counted >= 1e6:
        return f"{counted / 1e6:.0f} M, {seconds * 1e3:.0f} ms"
    if is_import:
        return f"{counted / 1e3:.0f} k, under 1 ms" if seconds < 1e-3 else f"{seconds * 1e3:.0f} ms"
    scale = f"{counted / 1e3:.1f} k" if counted < 1e5 else f"{counted / 1e3:.0f} k"
    return f"{scale}, {seconds * 1e6:.{1 if seconds < 1e-5 else 0}f} µs"


def facts(server: str, number: int, pinned: str) -> dict[str, str]:
    """The versions and the machine."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    if (node := shutil.which("node")) is not None:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
        found["node"] = said.stdout.strip().removeprefix("v")
    found |= {"server": server, "machine": _machine(), "cores": pinned}
    return found | {"rounds of wall time": str(number)}


def _machine() -> str:
    try:
        cpu = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        cpu = None
    return f"{cpu[1] if cpu else platform.processor()}, {platform.system()} {platform.machine()}"


def as_json(results: Sequence[Result], steps: dict[str, float], about: dict[str, str]) -> str:
    """All results as JSON."""
    rows = [{**attrs.asdict(row), "met": row.met} for row in results]
    return (
        json.dumps({"about": about, "rows": rows, "layers": steps}, indent=2, ensure_ascii=False)
        + "\n"
    )


def write_into(
    page: Path, results: Sequence[Result], steps: dict[str, float], about: dict[str, str]
) -> None:
    """Replace the tables and the facts between the marks in ``page``."""
    measured = ", ".join(f"{name} {value}" for name, value in about.items())
    text = _between(page.read_text(), _FIGURES, f"{table(results)}\n\nMeasured with {measured}.")
    page.write_text(_between(text, _LAYERS, steps_table(steps)) if steps else text)


def _between(text: str, mark: str, words: str) -> str:
    before, rest = text.split(f"<!-- {mark} -->")
    _, after = rest.split(f"<!-- end of {mark} -->")
    return f"{before}<!-- {mark} -->\n{words}\n<!-- end of {mark} -->{after}"
