"""A CSV and a spec to a folder of results, and what a reader sees of them."""

from __future__ import annotations

import dataclasses
import hashlib
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from liftcast.mix_commands import read_panel_file, read_spec_file
from liftcast.mix_experiments import read_experiment_file
from liftcast.mix_files import check_place, fit_folder, write_figures, write_table
from warehouse.errors import LiftcastError, printable
from warehouse.files import replacing

if TYPE_CHECKING:
    import pandas as pd

    from models.mix.panel import Panel
    from models.mix.prior_predictive import PriorPicture
    from models.mix.result import MixResult
    from models.mix.sheet.layout import SpecFile
    from models.mix.sheet.reading import Sheet
    from models.mix.spec import MixSpec

FORMAT = 1
#: The result itself, as `models.mix.storage` reads it.
RESULT = "result.zip"
#: Share of prior draws with more media than sales from which a reader is told to look.
_TOO_OFTEN = 0.05
_GATE_COLUMNS = ("gate", "subject", "status", "figure", "threshold", "text")
_COLOURS = {"PASS": "green", "REVIEW": "yellow", "FAIL": "red"}
_KINDS = (
    *("media", "organic", "promotion", "price", "publicity", "seller", "agency"),
    *("control", "holiday", "baseline", "residual"),
)
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
    from models.mix.storage import save

    settings = settings_of(spec, sheet)
    if asked.engine:
        settings = settings.model_copy(update={"engine": asked.engine})
    say(f"read {len(table.frame):,} rows")
    with threadpool_limits(1):
        panel = read_panel(sheet.inputs)
        tests = read_tests(asked.experiments, panel, settings, say, note)
        result = MixModel(settings).fit(panel, experiments=tests, seed=asked.seed, progress=say)
    gates = gates_of(result, sheet)
    summary = summary_of(result, sheet)
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
        with (folder / RESULT).open("wb") as file:
            save(result, file)
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


def settings_of(spec: SpecFile, sheet: Sheet) -> MixSpec:
    """The model's settings; what a unit is worth from the panel's section, where it says so."""
    if spec.panel.outcome.value_per_unit is None:
        return spec.model
    return spec.model.model_copy(update={"value_per_unit": sheet.value_per_unit})


def _driver_first(frame: pd.DataFrame) -> pd.DataFrame:
    first = [column for column in ("driver", "kind") if column in frame]
    return frame[[*first, *(column for column in frame if column not in first)]]


def read_tests(
    path: Path | None,
    panel: Panel,
    settings: MixSpec,
    say: Callable[[str], None],
    note: Callable[[str], None],
) -> pd.DataFrame | None:
    """The experiments of a file, what becomes of each told; None without a file.

    Raises:
        LiftcastError: a row does not fit the panel.
    """
    if path is None:
        return None
    from models.errors import ModelInputError
    from models.mix.experiments import examine
    from models.mix.problem import pose

    frame = read_experiment_file(path, note)
    try:
        readings = examine(frame, pose(panel, settings))
    except ModelInputError as error:
        raise LiftcastError(str(error), where=printable(path)) from error
    for reading in readings:
        told = say if reading.use == "calibrate" else note
        told(f"experiment {reading.experiment}: {reading.use}; {reading.text}")
    return frame


def write_contributions(path: Path, result: MixResult, sheet: Sheet) -> None:
    """date, territory[, product], driver, kind, contribution, p05, p50, p95."""
    import numpy as np

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
    if sheet.cut_off:  # what the model could not keep belongs to the residual
        names = [c for c in ("date_day", "territory_id", "product_id") if c in frame]
        for at in np.flatnonzero(frame["kind"] == "residual"):
            key = tuple(frame[name].iloc[at] for name in names)
            columns["contribution"][at] += sheet.cut_off.get(key, 0)
    write_table(path, columns, ("territory", "product", "driver", "kind"))


def summary_of(result: MixResult, sheet: Sheet) -> pd.DataFrame:
    """A row a driver, the driver as its column is named; the residual holds what was cut off."""
    frame = result.summary()
    rest = sum(sheet.cut_off.values(), Decimal(0))
    is_residual = frame["kind"] == "residual"
    frame["contribution"] = [
        value + rest if last else value
        for value, last in zip(frame["contribution"], is_residual, strict=True)
    ]
    return frame


def gates_of(result: MixResult, sheet: Sheet) -> list[dict[str, Any]]:
    """Gates of the estimate and of the table: gate, subject, status, figure, threshold, text."""
    from models.mix.gates.gate import gates_as_records

    own = [{**dataclasses.asdict(review), "status": "REVIEW"} for review in sheet.reviews]
    rows = gates_as_records(result.gates())
    return rows + [{name: row[name] for name in _GATE_COLUMNS} for row in own]


def screen(facts: Facts) -> Iterator[RenderableType]:
    """What each driver brought, what needs a look, and where the files are."""
    table = Table(title="what each driver brought", title_justify="left")
    table.add_column("driver", overflow="fold")
    table.add_column("kind")
    for heading in ("spend", "contribution", "90 % interval", "share", "ROI", "90 % interval"):
        table.add_column(heading, justify="right")
    order = {kind: at for at, kind in enumerate(_KINDS)}
    rows = sorted(
        facts.summary.to_dict("records"),
        key=lambda row: (order.get(row["kind"], len(order)), -float(row["contribution"])),
    )
    for row in rows:
        known = row["roi"] == row["roi"]
        table.add_row(
            escape(printable(row["driver"], 40)),
            row["kind"],
            short(float(row["spend"])) if row["spend"] else "",
            short(float(row["contribution"])),
            f"{short(row['contribution_p05'])} to {short(row['contribution_p95'])}",
            f"{row['share']:.1%}",
            f"{row['roi']:.2f}" if known else "",
            f"{row['roi_p05']:.2f} to {row['roi_p95']:.2f}" if known else "",
        )
    yield table
    counts = dict.fromkeys(_COLOURS, 0)
    for gate in facts.gates:
        counts[gate["status"]] = counts.get(gate["status"], 0) + 1
    urgent = {"FAIL": 0, "REVIEW": 1}
    for gate in sorted(facts.gates, key=lambda one: urgent.get(one["status"], 2)):
        if gate["status"] in urgent:
            colour = _COLOURS[gate["status"]]
            yield (
                f"[{colour}]{gate['status']}[/{colour}] {escape(gate['gate'])}, "
                f"{escape(printable(gate['subject'], 80))}: {escape(printable(gate['text'], 500))}"
            )
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    yield (f"gates: {told}; written to {escape(printable(facts.out))} in {facts.seconds:.1f} s")


def short(value: float, digits: int = 4) -> str:
    """A number as a reader needs it: thousands as k, millions as M, billions as bn."""
    for size, unit in ((1e9, "bn"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            scaled = value / (1e3 if unit == "k" else size)
            return f"{scaled:,.0f}{unit}" if abs(scaled) >= 1000 else f"{scaled:.{digits}g}{unit}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"


def prior_screen(
    panel: Path, spec: Path, out: Path | None, seed: int, note: Callable[[str], None]
) -> Iterator[RenderableType]:
    """Prior medians and 90 % intervals as a table, and priors.csv where wished.

    Raises:
        LiftcastError, ModelInputError: what is wrong with a file.
    """
    if out is not None and (out / "priors.csv").exists():
        raise LiftcastError(
            "the file stands already", where=printable(out / "priors.csv"),
            remedy="Give another --out",
        )  # fmt: skip
    told = read_spec_file(spec)
    _, sheet = read_panel_file(panel, told, note)

    from threadpoolctl import threadpool_limits

    from models.mix.panel import read_panel
    from models.mix.prior_predictive import prior_picture
    from models.mix.problem import pose

    settings = settings_of(told, sheet)
    with threadpool_limits(1):
        picture = prior_picture(pose(read_panel(sheet.inputs), settings), seed=seed)
    if out is not None:
        with replacing(out / "priors.csv") as temporary:
            frame = _driver_first(picture.table)
            write_table(
                temporary,
                {column: frame[column].tolist() for column in frame.columns},
                ("driver", "kind", "quantity"),
            )
    yield _prior_table(picture, sheet.inputs.grain)
    yield (
        f"in {picture.too_much:.1%} of {picture.draws:,} draws from the priors, media bring more "
        "than all that was sold"
    )
    if picture.too_much > _TOO_OFTEN:
        yield (
            "[yellow]that is often:[/yellow] lower model.media_share or model.effect_spread, or "
            "say what you know of single drivers (model.drivers.NAME.effect)"
        )
    if out is not None:
        yield f"written to {escape(printable(out / 'priors.csv'))}"


def _prior_table(picture: PriorPicture, grain: str) -> Table:
    table = Table(
        title="what the priors expect: median, below it the 90 % interval", title_justify="left"
    )
    table.add_column("driver", overflow="fold")
    table.add_column("kind")
    quantities = ("share", "contribution", "roi", "half_life_dates", "saturation")
    headings = ("share", "contribution", "ROI", f"half-life, {grain}s", "saturation")
    for heading in headings:
        table.add_column(heading, justify="right")
    frame = picture.table
    for kind, driver in dict.fromkeys(zip(frame["kind"], frame["driver"], strict=True)):
        mine = frame[(frame["kind"] == kind) & (frame["driver"] == driver)].set_index("quantity")
        cells = []
        for quantity in quantities:
            if quantity not in mine.index:
                cells.append("")
                continue
            low, middle, high = mine.loc[quantity, ["p05", "median", "p95"]]
            if quantity in ("share", "saturation"):
                cells.append(f"{middle:.1%}\n{100 * low:.1f} to {high:.1%}")
            else:
                cells.append(f"{short(middle, 3)}\n{short(low, 3)} to {short(high, 3)}")
        table.add_row(escape(printable(driver, 40)), kind, *cells)
    return table
