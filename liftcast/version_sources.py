"""Where a version's numbers come from: a folder of `forecast run`, or a lake's result."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse.errors import LiftcastError, printable
from warehouse.files import sha256_file
from warehouse.lake import Lake

if TYPE_CHECKING:
    import pandas as pd

NOT_RECORDED = "not recorded"
#: What a person can choose of a lake's forecast; the rest is code or data.
_LAKE_SETTINGS = ("horizon_weeks",)
#: What `liftcast.mix_files.cell` puts a quote before.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Made:
    """A forecast to keep: its rows, its series columns, and what it was made of.

    `as_of` is the last day known to it; hashes are `not recorded` where the forecast does not say.
    `naive`: series columns, ds, naive; None where it is not recorded.
    """

    frame: pd.DataFrame
    series: tuple[str, ...]
    as_of: date
    measure: str
    currency: str | None
    code_version: str
    data_hash: str
    plan_hash: str
    facts: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    naive: pd.DataFrame | None = None


def from_folder(
    folder: Path, *, as_of: date | None, measure: str | None, currency: str | None
) -> Made:
    """The forecast in a folder written by `liftcast forecast run`.

    Raises:
        LiftcastError: it is not such a folder, or forecast.csv and totals.csv do not agree.
    """
    import pandas as pd

    from liftcast.mix_files import read_csv

    files = {name: folder / name for name in ("forecast.csv", "totals.csv", "facts.json")}
    missing = [name for name, file in files.items() if not file.is_file()]
    if missing:
        raise LiftcastError(
            f"the folder holds no forecast: {', '.join(missing)} missing",
            where=printable(folder),
            expected="a folder written by `liftcast forecast run`",
            remedy="Give it with --from",
        )
    hashes = {name: sha256_file(file) for name, file in files.items()}
    frame = read_csv(files["forecast.csv"]).frame
    names = list(frame.columns)
    if "ds" not in names[1:]:
        raise LiftcastError(
            "forecast.csv has no series columns before ds", where=printable(folder),
            got=printable(", ".join(names), 200), remedy="Run the forecast again",
        )  # fmt: skip
    series = tuple(names[: names.index("ds")])
    for name in series:
        frame[name] = frame[name].map(_unquoted)
    naive = _naive(folder / "steps.csv", series)
    if naive is not None:
        hashes["steps.csv"] = sha256_file(folder / "steps.csv")
    _same_total(frame, read_csv(files["totals.csv"]).frame, folder)
    facts = _facts(files["facts.json"])
    inputs = facts.get("inputs")
    told: dict[str, Any] = inputs if isinstance(inputs, dict) else {}
    notes: list[str] = []
    if not told:
        notes.append(
            "facts.json does not say what the forecast was made of (an older version wrote it): "
            "data, plan and code are kept as 'not recorded'"
        )
    known = told.get("as_of")
    first = pd.to_datetime(frame["ds"], format="ISO8601", errors="coerce").min()
    if as_of is None:
        as_of = date.fromisoformat(known) if known else (first - pd.Timedelta(days=1)).date()
    return Made(
        frame=frame,
        series=series,
        as_of=as_of,
        measure=measure or str(told.get("target", "target")),
        currency=currency,
        code_version=str(told.get("code_version", NOT_RECORDED)),
        data_hash=str(told.get("history_sha256", NOT_RECORDED)),
        plan_hash=str(told.get("plan_sha256") or ("none" if told else NOT_RECORDED)),
        facts={
            "from": "folder",
            "files": hashes,
            "settings": told.get("settings"),
        },
        notes=tuple(notes),
        naive=naive,
    )


def _naive(file: Path, series: tuple[str, ...]) -> pd.DataFrame | None:
    """The naive's numbers of a folder; None where an older version wrote it."""
    from liftcast.mix_files import read_csv

    if not file.is_file():
        return None
    steps = read_csv(file).frame
    if missing := [name for name in (*series, "ds", "step", "value") if name not in steps]:
        raise LiftcastError(
            f"steps.csv has no column {printable(missing[0], 60)}", where=printable(file.parent),
            expected="the series columns of forecast.csv, ds, step, value",
            remedy="Run the forecast again",
        )  # fmt: skip
    out = steps[steps["step"] == "naive"].rename(columns={"value": "naive"})
    for name in series:
        out[name] = out[name].map(_unquoted)
    return out.reset_index(drop=True)


def _unquoted(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def _facts(file: Path) -> dict[str, Any]:
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LiftcastError(
            "facts.json cannot be read", where=printable(file), got=printable(error),
            remedy="Run the forecast again",
        ) from error  # fmt: skip
    return facts if isinstance(facts, dict) else {}


def _same_total(frame: pd.DataFrame, totals: pd.DataFrame, folder: Path) -> None:
    """The sum of forecast.csv is the total of its whole horizon in totals.csv."""
    try:
        total = sum((Decimal(text) for text in frame["mean"]), Decimal(0))
        own = totals[totals["level"] == "total"]
        if "period" in own.columns:  # fiscal periods may begin in history
            own = own[own["period"] == ""]
        whole = own[(own["ds"] == own["ds"].min()) & (own["ds_last"] == own["ds_last"].max())]
        told = Decimal(whole["mean"].iloc[0])
    except (InvalidOperation, KeyError, IndexError) as error:
        raise LiftcastError(
            "forecast.csv or totals.csv is not as `liftcast forecast run` writes it",
            where=printable(folder), got=printable(repr(error)), remedy="Run the forecast again",
        ) from error  # fmt: skip
    if total != told:
        raise LiftcastError(
            "forecast.csv and totals.csv do not agree: one of them was edited",
            where=printable(folder),
            expected=f"{told}, the total of totals.csv",
            got=f"{total}",
            remedy="Run the forecast again; a changed number is an override",
        )


def from_lake(lake: Lake, measure: str | None = None) -> Made:
    """The newest forecast result of a lake, by its series, at the lake's own grain.

    Args:
        measure: units or net_revenue; None: what the volume counts.

    Raises:
        LiftcastError: there is none, or none in that measure, or the release it was made on is
            gone.
    """
    folder, result = lake.latest_result("forecast")
    release = lake.release_dir(result["release_id"])
    try:
        told = json.loads((release / "release.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LiftcastError(
            "the release the forecast was made on is gone", where=printable(release),
            remedy="Run `liftcast forecast` on the newest release",
        ) from error  # fmt: skip
    file, table, measure = _measured(folder, measure)
    frame = series_rows(table, str(result.get("model", "")))
    return Made(
        frame=frame,
        series=("territory_id", "product_id", "sales_channel"),
        as_of=date.fromisoformat(str(told["last_day"])[:10]),
        measure=measure,
        currency=str(told["currency"]) if measure == "net_revenue" else None,
        code_version=str(result["code_version"]),
        data_hash=str(result["release_id"]),
        plan_hash=sha256_file(release / "plan.parquet"),
        facts={
            "from": "lake", "run_id": result["run_id"],
            "settings": {
                key: result["settings"][key] for key in _LAKE_SETTINGS if key in result["settings"]
            }
            | {"seed": result["seed"], "mix": result.get("mix_run_id") is not None},
            "files": {file.name: sha256_file(file)},
        },
        naive=_naive_of_result(folder, measure),
    )  # fmt: skip


def _measured(folder: Path, measure: str | None) -> tuple[Path, pd.DataFrame, str]:
    """The table of a lake's forecast that is in a measure (None: the volume's), and the measure.

    Raises:
        LiftcastError: there is none.
    """
    import pyarrow.parquet as pq

    file = folder / "volume.parquet"
    volume = pq.read_table(file).to_pandas()
    counted = str(volume["measure"].iloc[0])
    if measure is None or measure == counted:
        return file, volume, counted
    known_measure(measure, counted)
    file = folder / "revenue.parquet"
    if not file.is_file():
        raise LiftcastError(
            "the forecast was made by an older version, which knew no net revenue beside units",
            where=printable(folder), remedy="Run `liftcast forecast` anew",
        )  # fmt: skip
    return file, pq.read_table(file).to_pandas(), "net_revenue"


def known_measure(measure: str, counted: str) -> None:
    """Refuse a measure that a lake, whose volume counts `counted`, does not have."""
    if measure not in (counted, "net_revenue"):
        raise LiftcastError(
            "the lake's forecast is in another measure", where="--measure",
            expected=" or ".join(dict.fromkeys((counted, "net_revenue"))),
            got=printable(measure, 40),
        )  # fmt: skip


def _naive_of_result(folder: Path, measure: str) -> pd.DataFrame | None:
    """The naive's numbers of a lake's result; None where it has none in this measure."""
    import pyarrow.parquet as pq

    if not (folder / "steps.parquet").is_file():
        return None
    steps = pq.read_table(folder / "steps.parquet").to_pandas()
    found = steps[(steps["step"] == "naive") & (steps["measure"] == measure)]
    return found.rename(columns={"date_day": "ds", "value": "naive"}) if len(found) else None


def series_rows(volume: pd.DataFrame, model: str) -> pd.DataFrame:
    """Rows of single series of a lake's volume or revenue table, at the lake's own grain."""
    grain = "day" if (volume["period"] == "day").any() else "week"
    rows = volume[(volume["level"] == "series") & (volume["period"] == grain)]
    return rows.rename(columns={"date_day": "ds"}).assign(model=model)


def periods_from(
    calendar: str | None, lake: Lake | None, first: date, last: date
) -> tuple[pd.DataFrame, str]:
    """Fiscal periods that hold the days from `first` to `last`, and what they are, in words.

    From a CSV `period, starts_on, ends_on` or a rule as `445:2026-02-01`; else of a lake,
    `dim_calendar` of what is published (landed fiscal_calendar, else the dbt vars fiscal_*); else
    calendar months.

    Raises:
        LiftcastError, ForecastError: the calendar cannot be read, or leaves days out.
    """
    import pandas as pd

    from forecasting.versions.fiscal import calendar_months, frame_of, period_of
    from liftcast.forecast_sums import fiscal_periods

    if calendar is not None:
        # A period more to either side, as a file mostly has.
        wide = pd.Timestamp(first) - pd.Timedelta(days=62), pd.Timestamp(last)
        periods, words = frame_of(fiscal_periods(calendar, *wide)), printable(Path(calendar).name)
    elif (published := published_periods(lake)) is not None:
        periods, words = published, "the lake's fiscal calendar"
    else:
        periods, words = calendar_months(first, last), "calendar months"
    one, two = period_of(first, periods), period_of(last, periods)
    return periods.iloc[max(0, one - 1) : two + 1].reset_index(drop=True), words


def published_periods(lake: Lake | None) -> pd.DataFrame | None:
    """Fiscal periods of what a lake has published; None where there is nothing.

    Where a fiscal calendar has landed, its days alone: the calendar of the vars, which fills the
    table before and after them, has periods of the same names.
    """
    import duckdb

    from forecasting.versions.fiscal import checked_periods

    if lake is None or not (lake.current / "tables" / "dim_calendar.parquet").is_file():
        return None
    file = lake.current / "tables" / "dim_calendar.parquet"
    with duckdb.connect() as connection:
        found = connection.execute(
            "select printf('%d-P%02d', fiscal_year, fiscal_period) as period, "
            "min(date_day) as starts_on, max(date_day) as ends_on from read_parquet($file) "
            "where fiscal_period is not null and is_fiscal_landed = "
            "(select bool_or(is_fiscal_landed) from read_parquet($file)) "
            "group by fiscal_year, fiscal_period order by 2",
            {"file": str(file)},
        ).df()
    return checked_periods(found)


def pairs(texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """`column=value` as pairs.

    Raises:
        LiftcastError: one has no `=`.
    """
    out = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise LiftcastError(
                "not a column and a value", where="--where", got=printable(text, 80),
                expected="column=value, as territory_id=north",
            )  # fmt: skip
        out.append((name.strip(), value))
    return tuple(out)
