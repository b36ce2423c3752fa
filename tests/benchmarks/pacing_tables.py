"""The rows as Markdown tables, and the page that shows them."""

from collections.abc import Iterable, Sequence

from tests.benchmarks.pacing_rivals import LABELS
from tests.benchmarks.pacing_rows import (
    Burst,
    Interactive,
    Learning,
    Results,
    Saturation,
    Sharing,
    Virtual,
)

WINDOWS = {"fixed": "fixed window", "sliding": "sliding log", "bucket": "token bucket"}


def saturation_table(rows: Sequence[Saturation]) -> str:
    """Ours: one line for each rate and jitter, one column for each window."""
    lines = []
    for rate, jitter in sorted({(row.rate, row.jitter) for row in rows}):
        these = {row.window: row for row in rows if (row.rate, row.jitter) == (rate, jitter)}
        lines.append(
            [
                f"{rate} a second",
                _jitter(jitter),
                *(_efficiency(these.get(window)) for window in WINDOWS),
                _percent(max(row.flow.refused_share for row in these.values())),
                str(sum(row.failed for row in these.values())),
            ]
        )
    return _table(["R", "delay each way", *WINDOWS.values(), "429s, at most", "failed"], lines)


def rivals_table(rows: Sequence[Saturation]) -> str:
    """Everybody: the share of R, and of 429s."""
    lines = []
    for rate, pacer in [(rate, pacer) for rate in (10, 100) for pacer in LABELS]:
        these = {row.window: row for row in rows if (row.rate, row.pacer) == (rate, pacer)}
        if these:
            flows = [these[window].flow for window in WINDOWS if window in these]
            cells = [f"{one.efficiency:.2f}, {_percent(one.refused_share)}" for one in flows]
            lines.append([f"{rate} a second", LABELS[pacer], *cells])
    return _table(["R", "pacing", *WINDOWS.values()], lines)


def interactive_table(rows: Sequence[Interactive]) -> str:
    lines = [
        [
            _jitter(row.jitter),
            WINDOWS[row.window],
            str(len(row.latencies)),
            _ms(row.round_trip),
            _ms(row.p50),
            _ms(row.p99),
            _verdict(kept=row.kept),
        ]
        for row in rows
    ]
    header = ["delay each way", "window", "calls", "round trip", "p50", "p99", "promise"]
    return _table(header, lines)


def burst_table(rows: Sequence[Burst]) -> str:
    lines = [
        [WINDOWS[row.window], str(row.arrived), _ms(row.span), str(row.refused)] for row in rows
    ]
    return _table(["window", "calls", "arrived within", "429s"], lines)


def learning_table(rows: Sequence[Learning]) -> str:
    lines = [
        [
            f"10, then {row.rate}",
            WINDOWS[row.window],
            "never" if row.known is None else _ms(row.known),
            "never" if row.settled is None else f"{row.settled:.1f} s",
            str(row.refused),
            _verdict(kept=row.kept),
        ]
        for row in rows
    ]
    header = ["assumed, true", "window", "limit known", "pace right", "429s in 8 s", "promise"]
    return _table(header, lines)


def sharing_table(rows: Sequence[Sharing]) -> str:
    lines = [
        [
            f"{row.rate} a second",
            WINDOWS[row.window],
            f"{row.theirs.efficiency:.2f}",
            _percent(row.theirs.refused_share),
            f"{row.ours.efficiency:.2f}",
            _percent(row.ours.refused_share),
            str(row.failed),
        ]
        for row in rows
    ]
    header = ["R", "window", "they get, of R", "their 429s", "we get", "our 429s", "failed"]
    return _table(header, lines)


def virtual_table(rows: Sequence[Virtual]) -> str:
    lines = [
        [
            f"{row.rate} a second",
            _jitter(row.jitter),
            WINDOWS[row.window],
            f"{row.efficiency:.3f} ({row.worst_efficiency:.3f})",
            f"{_percent(row.refused_share)} ({_percent(row.worst_refused_share)})",
            str(row.failed),
            _ms(row.p50),
            _ms(row.p99),
            _verdict(kept=row.kept),
        ]
        for row in rows
    ]
    header = ["R", "delay each way", "window", "of R (worst seed)", "429s (worst seed)"]
    return _table([*header, "failed", "p50", "p99", "promise"], lines)


def sections(results: Results) -> dict[str, str]:
    """The tables of what was run, by the name of their section."""
    made = {
        "saturation": (saturation_table, results.saturation),
        "busy": (saturation_table, results.busy),
        "rivals": (rivals_table, [*_alike(results), *results.rivals] if results.rivals else []),
        "interactive": (interactive_table, results.interactive),
        "bursts": (burst_table, results.bursts),
        "learning": (learning_table, results.learning),
        "sharing": (sharing_table, results.sharing),
        "virtual": (virtual_table, results.virtual),
    }
    tables = {name: render(rows) for name, (render, rows) in made.items() if rows}  # type: ignore[operator]
    return {"machine": results.machine, **tables} if results.machine else tables


def rewritten(page: str, tables: dict[str, str]) -> str:
    """The page with new tables between its ``<!-- pacing: name -->`` and ``<!-- end -->``.

    Raises:
        ValueError: The page has no place for one of them.
    """
    for name, text in tables.items():
        before, begin, rest = page.partition(f"<!-- pacing: {name} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        if not (begin and end):
            raise ValueError(f"the page has no place for the table {name!r}")
        page = f"{before}{begin}\n{text}\n\n{end}{after}"
    return page


def _alike(results: Results) -> list[Saturation]:
    """Our rows under the same conditions as the rivals'."""
    jitters = {row.jitter for row in results.rivals}
    return [row for row in results.saturation if row.jitter in jitters]


def _table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [header, ["---"] * len(header), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _efficiency(row: Saturation | None) -> str:
    if row is None:
        return ""
    figure = f"{row.flow.efficiency:.3f}"
    return f"{figure if row.kept else f'**{figure}**'} (≥ {row.floor:g})"


def _verdict(*, kept: bool) -> str:
    return "kept" if kept else "**missed**"


def _jitter(milliseconds: int) -> str:
    return f"0 to {milliseconds} ms"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.01 else f"{100 * share:.2f} %"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"
