"""The chart of the documentation: requests per second, and how we compare."""

from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.speed.rows import Result

_OURS, _THEIRS, _MISSED = "#2563eb", "#94a3b8", "#dc2626"
_SHORT = {
    "update": "update",
    "update-one": "update, one field",
    "update-all": "update, all fields",
    "create": "create",
    "delete": "delete",
    "event": "events.send",
    "mail": "transactional.send",
    "find": "find",
    "lists": "mailing_lists.list",
    "key": "api_key.test",
    "bulk": "upsert_many",
    "pyloops": "update and pyloops",
    "sdk": "update and JavaScript SDK",
}


def draw(results: Sequence[Result], out: Path) -> None:
    """Draw the ratios as an SVG that is the same for the same figures."""
    import matplotlib as mpl  # noqa: PLC0415 - for the chart alone

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "loops-async"
    mpl.rcParams["svg.fonttype"] = "none"
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the choice of the backend

    shown = [row for row in reversed(results) if row.name in _SHORT]
    values = [
        row.counted if row.decides == "counted" and row.counted else row.wall for row in shown
    ]
    figure, axes = plt.subplots(figsize=(8, 0.55 * len(shown) + 1.2), layout="constrained")
    colours = [_OURS if row.met else _MISSED for row in shown]
    axes.barh([_SHORT[row.name] for row in shown], values, color=colours, height=0.6)
    for place, (row, value) in enumerate(zip(shown, values, strict=True)):
        axes.plot([row.floor, row.floor], [place - 0.4, place + 0.4], color="black", linewidth=1.5)
        axes.text(max(value, row.floor) * 1.06, place, f"{value:.2f} x", va="center")
    axes.set_xscale("log")
    axes.set_xlim(0.5, max([*values, 10]) * 1.8)
    axes.axvline(1, color=_THEIRS, linewidth=1, linestyle="--")
    ticks = (0.5, 1, 2, 5, 10, 20)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("times as fast as … (black line: what we want at least)")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(out, metadata={"Date": None})
    plt.close(figure)
