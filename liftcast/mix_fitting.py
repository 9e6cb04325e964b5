"""A CSV and a spec to a folder of results, and what a reader sees of them."""

from __future__ import annotations

import dataclasses
import hashlib
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from liftcast.mix_commands import read_panel_file, read_spec_file
from liftcast.mix_files import check_place, fit_folder, write_figures, write_table
from warehouse.errors import LiftcastError, printable

if TYPE_CHECKING:
    import pandas as pd

    from models.mix.result import MixResult
    from models.mix.sheet import Sheet

FORMAT = 1
_STATUS = {"pass": "PASS", "warn": "REVIEW", "fail": "FAIL"}
_GATE_COLUMNS = ("gate", "subject", "status", "figure", "threshold", "text")
_COLOURS = {"PASS": "green", "REVIEW": "yellow", "FAIL": "red"}
_PACKAGES = ("liftcast", "numpy", "pandas", "scipy", "numba", "nutpie", "statsmodels")


@dataclass(frozen=True)
class Request:
    """What `liftcast mix fit` was asked."""

    panel: Path
    spec: Path
    out: Path
    experiments: Path | None
    seed: int
    engine: str | None
    force: bool


@dataclass(frozen=True)
class Facts:
    """What a fit's screen shows."""

    summary: pd.DataFrame
    gates: list[dict[str, Any]]
    out: Path
    seconds: float


def fit_files(
    asked: Request, begun: float, say: Callable[[str], None], note: Callable[[str], None]
) -> Facts:
    """Read, check, fit and write; the folder appears whole or not at all.

    Args:
        begun: `time.monotonic` at the command's start.

    Raises:
        LiftcastError, ModelInputError: what is wrong with a file, before any sampling.
    """
    out = asked.out.resolve()
    check_place(out, asked.force)
    spec = read_spec_file(asked.spec)
    table, sheet = read_panel_file(asked.panel, spec, note)

    from threadpoolctl import threadpool_limits

    from models.mix import MixModel
    from models.mix.panel import read_panel

    settings = spec.model.model_copy(
        update={"value_per_unit": sheet.value_per_unit}
        | ({"engine": asked.engine} if asked.engine else {})
    )
    say(f"read {len(table.frame):,} rows")
    with threadpool_limits(1):
        panel = read_panel(sheet.inputs)
        tests = _experiments(asked.experiments, panel, settings, note)
        result = MixModel(settings).fit(panel, experiments=tests, seed=asked.seed, progress=say)
    gates = gates_of(result, sheet)
    summary = result.summary()
    with fit_folder(out, asked.force) as folder:
        write_contributions(folder / "contributions.csv", result, sheet)
        for name, frame in (
            ("summary", _driver_first(summary)),
            ("curves", _driver_first(result.curves())),
            ("parameters", _driver_first(result.parameters())),
        ):
            names = [c for c in ("driver", "kind", "parameter") if c in frame]
            write_table(
                folder / f"{name}.csv", {c: frame[c].tolist() for c in frame.columns}, names
            )
        write_figures(folder / "diagnostics.json", dict(result.diagnostics()))
        write_figures(folder / "gates.json", gates)
        seconds = time.monotonic() - begun
        write_figures(
            folder / "fit.json",
            {
                "format": FORMAT,
                "versions": {name: version(name) for name in _PACKAGES}
                | {"python": platform.python_version()},
                "seed": asked.seed,
                "engine": settings.engine,
                "panel": {"name": asked.panel.name, "sha256": table.sha256},
                "spec": spec.model_dump(mode="json"),
                "settings": dict(result.settings),
                "spec_sha256": hashlib.sha256(asked.spec.read_bytes()).hexdigest(),
                "notes": [*table.notes, *sheet.notes],
                "seconds": round(seconds, 3),
            },
        )
    return Facts(summary, gates, asked.out, time.monotonic() - begun)


def _driver_first(frame: pd.DataFrame) -> pd.DataFrame:
    first = [column for column in ("driver", "kind") if column in frame]
    return frame[[*first, *(column for column in frame if column not in first)]]


def _experiments(
    path: Path | None, panel: Any, settings: Any, note: Callable[[str], None]
) -> tuple[Any, ...]:
    if path is None:
        return ()
    from liftcast.mix_files import read_csv
    from models.mix import experiments
    from models.mix.problem import pose

    read = getattr(experiments, "read_experiments", None)
    if read is None:
        raise LiftcastError(
            "experiments cannot be read by this version", where=printable(path),
            remedy="Leave --experiments out",
        )  # fmt: skip
    table = read_csv(path)
    for found in table.notes:
        note(found)
    return tuple(read(table.frame, panel, pose(panel, settings)))


def write_contributions(path: Path, result: MixResult, sheet: Sheet) -> None:
    """date, territory[, product], driver, kind, contribution, p05, p50, p95."""
    frame = result.contributions()
    days = frame["date_day"]
    columns: dict[str, list[Any]] = {
        "date": days.map(sheet.written).tolist(),
        "territory": frame["territory_id"].tolist(),
    }
    if "product_id" in frame:
        columns["product"] = frame["product_id"].tolist()
    for name in ("driver", "kind", "contribution", "p05", "p50", "p95"):
        columns[name] = frame[name].tolist()
    write_table(path, columns, ("territory", "product", "driver", "kind"))


def gates_of(result: MixResult, sheet: Sheet) -> list[dict[str, Any]]:
    """Gates of the estimate and of the table: gate, subject, status, figure, threshold, text."""
    frame = result.gates().rename(columns={"check_name": "gate"})
    rows = [
        {**row, "status": _STATUS.get(str(row["status"]), str(row["status"]))}
        for row in frame[list(_GATE_COLUMNS)].to_dict("records")
    ]
    own = [{**dataclasses.asdict(review), "status": "REVIEW"} for review in sheet.reviews]
    rows += [{name: row[name] for name in _GATE_COLUMNS} for row in own]
    return rows


def screen(facts: Facts) -> Iterator[RenderableType]:
    """What each driver brought, what needs a look, and where the files are."""
    table = Table(title="what each driver brought", title_justify="left")
    table.add_column("driver", overflow="fold")
    table.add_column("kind")
    for heading in ("spend", "contribution", "90 % interval", "share", "ROI", "90 % interval"):
        table.add_column(heading, justify="right")
    for row in facts.summary.to_dict("records"):
        known = row["roi"] == row["roi"]
        table.add_row(
            escape(printable(row["driver"], 40)),
            row["kind"],
            f"{row['spend']:,.0f}" if row["spend"] else "",
            short(float(row["contribution"])),
            f"{short(row['contribution_p05'])} to {short(row['contribution_p95'])}",
            f"{row['share']:.1%}",
            f"{row['roi']:.2f}" if known else "",
            f"{row['roi_p05']:.2f} to {row['roi_p95']:.2f}" if known else "",
        )
    yield table
    counts = {status: 0 for status in _COLOURS}
    for gate in facts.gates:
        counts[gate["status"]] = counts.get(gate["status"], 0) + 1
    order = {"FAIL": 0, "REVIEW": 1}
    for gate in sorted(facts.gates, key=lambda one: order.get(one["status"], 2)):
        if gate["status"] in order:
            colour = _COLOURS[gate["status"]]
            yield (
                f"[{colour}]{gate['status']}[/{colour}] {escape(gate['gate'])}, "
                f"{escape(printable(gate['subject'], 80))}: {escape(printable(gate['text'], 500))}"
            )
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    yield (f"gates: {told}; written to {escape(printable(facts.out))} in {facts.seconds:.1f} s")


def short(value: float) -> str:
    """A number as a reader needs it: no decimals when large, four digits when small."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def prior_screen(
    panel: Path, spec: Path, out: Path | None, seed: int, note: Callable[[str], None]
) -> Iterator[RenderableType]:
    """Prior medians and 90 % intervals as a table, and priors.csv where wished."""
    raise LiftcastError("not there yet")
