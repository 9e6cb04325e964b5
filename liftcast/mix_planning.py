"""A stored fit, a plan and new data as CSV: read, checked, worked on, written to a folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liftcast.mix_files import fit_folder, read_csv, write_figures, write_table
from liftcast.mix_fitting import RESULT
from warehouse.errors import LiftcastError, printable

if TYPE_CHECKING:
    import pandas as pd

    from models.mix.panel import MixInputs
    from models.mix.planning.budget_report import Allocation
    from models.mix.planning.prediction import Prediction
    from models.mix.refresh import Refresh
    from models.mix.result import MixResult
    from models.mix.sheet.layout import SpecFile
    from models.mix.spec import MixSpec


_TEXT = ("driver", "kind", "territory_id", "product_id", "what", "cause", "figure")
Note = Callable[[str], None]


def open_result(path: Path) -> tuple[MixResult, Path]:
    """The stored result at a file, or in a fit's folder; and that file.

    Raises:
        LiftcastError: there is none, or it is no result this version reads.
    """
    from models.mix.storage import StoredResultError, load

    file = path / RESULT if path.is_dir() else path
    try:
        with file.open("rb") as handle:
            return load(handle), file
    except FileNotFoundError as error:
        raise LiftcastError(
            "there is no stored fit",
            where=printable(file),
            expected=f"{RESULT}, as `liftcast mix fit` writes it",
            remedy="Fit first, or correct the path",
        ) from error
    except StoredResultError as error:
        raise LiftcastError(str(error), where=printable(file)) from error
    except OSError as error:
        raise LiftcastError(
            f"the stored fit cannot be read ({printable(error)})",
            where=printable(file),
            remedy="Check its permissions",
        ) from error


def spec_of(file: Path, spec: Path | None) -> SpecFile:
    """Which column is what: of a spec file, else as the fit beside `file` was told (fit.json)."""
    from liftcast.mix_commands import read_spec_file
    from models.mix.sheet.layout import SpecFile

    if spec is not None:
        return read_spec_file(spec)
    beside = file.parent / "fit.json"
    try:
        told = json.loads(beside.read_text(encoding="utf-8"))
        return SpecFile.model_validate(told["spec"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise LiftcastError(
            "which column is what is not known",
            where=printable(beside),
            expected="the fit.json of `liftcast mix fit`",
            got=printable(type(error).__name__),
            remedy="Give the spec file with --spec",
        ) from error


def read_plan(path: Path, spec: SpecFile, note: Note) -> MixInputs:
    """A plan's CSV as model inputs; it needs the columns of drivers, not the outcome.

    Raises:
        LiftcastError: columns are missing: all of them are named, with the plan's dates.
    """
    table = read_csv(path)
    for text in table.notes:
        note(text)
    return plan_inputs(table.frame, spec, str(path), note)


def plan_inputs(frame: pd.DataFrame, spec: SpecFile, name: str, note: Note) -> MixInputs:
    """A plan's table as model inputs, as `read_plan`.

    Args:
        name: of the table, for errors.
    """
    from models.mix.sheet.reading import read_sheet

    columns = spec.panel
    sold = columns.outcome.column
    optional = {sold, columns.population, columns.outcome.value_per_unit, *columns.events}
    lacking = [one for one in columns.columns() if one not in optional and one not in frame]
    if lacking:
        days = ""
        if columns.date in frame and len(frame):
            span = sorted(map(str, frame[columns.date]))
            days = f" for {printable(span[0], 20)} to {printable(span[-1], 20)}"
        raise LiftcastError(
            f"the plan lacks {len(lacking)} of the model's columns{days}",
            where=printable(name),
            expected=", ".join(printable(one, 60) for one in lacking),
            remedy="Add them, with 0 where nothing will run",
        )
    # What is sold is not known yet; reading needs something that is not nothing.
    frame = frame.assign(**{sold: "1"})
    there = set(frame.columns)
    columns = columns.model_copy(
        update={
            "outcome": columns.outcome.model_copy(update={"value_per_unit": None}),
            "population": columns.population if columns.population in there else None,
            "events": tuple(one for one in columns.events if one in there),
        }
    )
    sheet = read_sheet(frame, columns, name)
    for text in sheet.notes:
        note(text)
    return sheet.inputs


def write_prediction(told: Prediction, out: Path) -> None:
    """totals.csv, outcome.csv, contributions.csv and predict.json, in a new folder."""
    with fit_folder(out.resolve(), False) as folder:
        write_frame(folder / "totals.csv", told.totals())
        write_frame(folder / "outcome.csv", told.outcome())
        write_frame(folder / "contributions.csv", told.contributions())
        write_figures(
            folder / "predict.json",
            {
                "starts_on": str(told.panel.dates[0].date()),
                "ends_on": str(told.panel.dates[-1].date()),
                "currency": told.panel.currency,
                "draws": len(told.paths),
                "notes": list(told.notes),
            },
        )


def write_allocation(told: Allocation, goal: dict[str, Any], out: Path) -> None:
    """allocation.csv and optimise.json, in a new folder."""
    with fit_folder(out.resolve(), False) as folder:
        write_frame(folder / "allocation.csv", told.allocation())
        write_figures(
            folder / "optimise.json",
            {"asked": goal, **dict(told.totals), "notes": list(told.notes)},
        )


def refreshed(
    result: MixResult,
    inputs: MixInputs,
    settings: MixSpec | None,
    experiments: Path | None,
    threshold: float,
    *,
    say: Note,
    note: Note,
) -> Refresh:
    """Newer data fitted from the last result, calibrated by a file of experiments.

    Raises:
        LiftcastError: an experiment does not fit the new panel.
        ModelInputError: the new data cannot be compared with the old.
    """
    from liftcast.mix_fitting import read_tests
    from models.mix.panel import read_panel

    kept = len(result.estimate.posterior.experiments)
    if kept and experiments is None:
        note(
            f"the last fit was calibrated by {kept} read-outs; this one is by none. Give "
            "--experiments to keep them"
        )
    panel = read_panel(inputs)
    tests = read_tests(experiments, panel, settings or result.estimate.spec, say, note)
    return result.refresh(
        panel, spec=settings, experiments=tests, threshold=threshold, progress=say
    )


def write_refresh(told: Refresh, spec: SpecFile, out: Path) -> None:
    """moves.csv, restated.csv, summary.csv, result.zip and its fit.json, in a new folder."""
    from models.mix.storage import save

    with fit_folder(out.resolve(), False) as folder:
        write_frame(folder / "moves.csv", told.moves)
        write_frame(folder / "restated.csv", told.restated)
        write_frame(folder / "summary.csv", told.result.summary())
        write_frame(folder / "contributions.csv", told.result.contributions())
        write_figures(folder / "diagnostics.json", dict(told.result.diagnostics()))
        with (folder / RESULT).open("wb") as handle:
            save(told.result, handle)
        write_figures(
            folder / "fit.json",
            {
                "seed": told.result.estimate.seed,
                "spec": spec.model_dump(mode="json"),
                "settings": dict(told.result.settings),
                "appended": [str(day.date()) for day in told.appended],
                "dropped": [str(day.date()) for day in told.dropped],
            },
        )


def read_summaries(folders: list[Path]) -> dict[str, tuple[pd.DataFrame, dict[str, Any]]]:
    """summary.csv and diagnostics.json of fits' folders, each under the folder's name."""
    import pandas as pd

    out: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {}
    for folder in folders:
        table = read_csv(folder / "summary.csv").frame
        frame = pd.DataFrame({str(name): table[name].tolist() for name in table})
        figures: dict[str, Any] = {}
        beside = folder / "diagnostics.json"
        if beside.is_file():
            try:
                found = json.loads(beside.read_text(encoding="utf-8"))
            except (ValueError, RecursionError, OSError) as error:
                raise LiftcastError(
                    "the figures of the fit cannot be read",
                    where=printable(beside),
                    expected="JSON, as `liftcast mix fit` writes it",
                    remedy="Fit again",
                ) from error
            figures = found if isinstance(found, dict) else {}
        name = folder.resolve().name
        label, number = name, 2
        while label in out:
            label, number = f"{name}_{number}", number + 1
        out[label] = (frame, figures)
    return out


def write_frame(path: Path, frame: pd.DataFrame) -> None:
    """A frame as CSV: days as days, text from outside as text."""
    columns = {
        str(name): [str(cell.date()) for cell in frame[name]]
        if str(name) == "date_day"
        else frame[name].tolist()
        for name in frame
    }
    write_table(path, columns, [name for name in _TEXT if name in columns])
