"""The chart: requests per second over time, ours and what it replaces, as small multiples."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from tests.benchmarks.pacing_figures import WARM_UP
from tests.benchmarks.pacing_rivals import LABELS, OURS
from tests.benchmarks.pacing_rows import Results, Saturation
from tests.benchmarks.pacing_tables import WINDOWS

_TAKEN, _RIVAL, _REFUSED, _INK, _FAINT = "#0f766e", "#64748b", "#f59e0b", "#1f2937", "#9ca3af"
_TOP = 2.0
"""Of R; what is beyond is cut off, for the figures to be legible above."""
_SKY = 1.45
"""How much higher the panels are."""

_STYLE: Any = {
    "svg.hashsalt": "pacing",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "text.color": _INK,
    "axes.edgecolor": _FAINT,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}


def draw(results: Results, path: Path) -> None:
    """Write the chart of a run, as SVG or PNG by the path's ending; the same run, the same bytes.

    Raises:
        ValueError: The run left out what the chart shows.
    """
    rivals = {row.jitter for row in results.rivals}
    rows = [row for row in results.saturation if row.jitter in rivals] + results.rivals
    columns = [(rate, window) for rate in (10, 100) for window in WINDOWS]
    cells = {(row.pacer, row.rate, row.window): row for row in rows}
    if len(cells) < len(LABELS) * len(columns):
        raise ValueError("the chart needs the sections saturation and rivals")
    length = min(len(row.flow.taken_by_second) for row in rows)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(11, 6.6), facecolor="white")
        axes = figure.subplots(len(LABELS), len(columns), sharex=True, sharey=True)
        for line, pacer in zip(axes, LABELS, strict=True):
            for panel, (rate, window) in zip(line, columns, strict=True):
                _panel(panel, cells[pacer, rate, window], length)
        _letter(figure, axes, columns)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else {})


def _panel(axes: Axes, row: Saturation, length: int) -> None:
    """One run: what was taken in each second as an area, what was refused on top of it."""
    taken = [count / row.rate for count in row.flow.taken_by_second[:length]]
    refused = [count / row.rate for count in row.flow.refused_by_second[:length]]
    total = [min(sum(both), _TOP) for both in zip(taken, refused, strict=True)]
    edges = range(len(taken) + 1)
    axes.stairs(
        [min(one, _TOP) for one in total],
        edges,
        baseline=taken,
        fill=True,
        color=_REFUSED,
        linewidth=0,
    )
    color = _TAKEN if row.pacer == OURS else _RIVAL
    axes.stairs(taken, edges, fill=True, color=color, linewidth=0)
    axes.axhline(1, color=_INK, linewidth=0.8, linestyle=(0, (3, 2)))
    axes.axvline(WARM_UP, color="white", linewidth=0.8)
    axes.set_xlim(0, len(taken))
    axes.set_ylim(0, _SKY * _TOP)
    axes.spines["left"].set_bounds(0, _TOP)
    axes.set_yticks([0, 1], ["0", "R"])
    axes.set_xticks([0, 10, 20] if len(taken) > 20 else [0, 5])
    axes.tick_params(length=2, width=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    share = 100 * row.flow.refused_share
    share_words = f"{share:.1f} %" if share < 10 else f"{share:.0f} %"
    for height, size, weight, words in (
        (0.99, 8.5, "bold", f"{row.flow.efficiency:.2f} of R"),
        (0.86, 7.5, "normal", f"{share_words} 429s"),
    ):
        axes.text(
            0.99, height, words, transform=axes.transAxes,
            ha="right", va="top", fontsize=size, fontweight=weight,
        )  # fmt: skip


def _letter(figure: Figure, axes: list[list[Axes]], columns: list[tuple[int, str]]) -> None:
    figure.subplots_adjust(left=0.155, right=0.985, top=0.83, bottom=0.085, wspace=0.1, hspace=0.22)
    for panel, (_, window) in zip(axes[0], columns, strict=True):
        panel.set_title(WINDOWS[window], fontsize=8.5, pad=6)
    for line, (pacer, label) in zip(axes, LABELS.items(), strict=True):
        weight = "bold" if pacer == OURS else "normal"
        line[0].text(
            -0.22, 1 / _SKY / 2, _broken(label), transform=line[0].transAxes,
            ha="right", va="center", fontweight=weight,
        )  # fmt: skip
    for column, rate in ((0, 10), (3, 100)):
        left = axes[0][column].get_position().x0
        figure.text(left, 0.885, f"R = {rate} requests per second", fontweight="bold")
    figure.text(
        0.015, 0.957, "Requests per second over time, 0 to 80 ms of random delay each way",
        fontsize=11, fontweight="bold",
    )  # fmt: skip
    figure.legend(
        handles=[
            Patch(color=_TAKEN, label="taken, loops_async"),
            Patch(color=_RIVAL, label="taken, others"),
            Patch(color=_REFUSED, label="answered 429"),
        ],
        loc="upper right", bbox_to_anchor=(0.993, 0.99), ncols=3, frameon=False, handlelength=1,
    )  # fmt: skip
    figure.text(0.57, 0.02, "seconds since the start; the first two do not count", ha="center")


def _broken(label: str) -> str:
    """A label without its Markdown, on two lines."""
    words, _, rest = label.replace("`", "").rpartition(", ")
    return f"{words},\n{rest}" if words else rest
