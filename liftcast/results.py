"""Estimates as Parquet: one schema a table, rows in key order, the folder whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.errors import LiftcastError, printable
from warehouse.files import appearing, write_json
from warehouse.lake import Lake

if TYPE_CHECKING:
    from models.mix.result import MixResult

_TEXT, _NUMBER, _DAY, _MONEY = pa.string(), pa.float64(), pa.date32(), pa.decimal128(18, 2)


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(list(columns.items()))


_CHECKS = _schema(
    check_name=_TEXT, subject=_TEXT, severity=_TEXT, status=_TEXT,
    figure=_NUMBER, threshold=_NUMBER, text=_TEXT,
)  # fmt: skip

_SUMMARY = _schema(
    kind=_TEXT, driver=_TEXT, spend=_MONEY, contribution=_MONEY,
    contribution_p05=_NUMBER, contribution_p95=_NUMBER,
    share=_NUMBER, share_p05=_NUMBER, share_p95=_NUMBER,
    roi=_NUMBER, roi_p05=_NUMBER, roi_p95=_NUMBER, mroi=_NUMBER,
)  # fmt: skip

# Table -> (schema, leading columns that are its key).
MIX: dict[str, tuple[pa.Schema, int]] = {
    "contributions": (
        _schema(
            date_day=_DAY, territory_id=_TEXT, kind=_TEXT, driver=_TEXT,
            contribution=_MONEY, p05=_NUMBER, p95=_NUMBER,
        ),
        4,
    ),
    "summary": (_SUMMARY, 2),
    # By the classical engine; no rows where it could not estimate.
    "summary_classical": (_SUMMARY, 2),
    "curves": (
        _schema(
            kind=_TEXT, driver=_TEXT, multiplier=_NUMBER, spend=_NUMBER,
            contribution=_NUMBER, p05=_NUMBER, p95=_NUMBER,
        ),
        3,
    ),
    "parameters": (
        _schema(
            kind=_TEXT, driver=_TEXT, parameter=_TEXT, mean=_NUMBER, p05=_NUMBER, p95=_NUMBER
        ),
        3,
    ),
    "checks": (_CHECKS, 2),
}  # fmt: skip

FORECAST: dict[str, tuple[pa.Schema, int]] = {
    "volume": (
        _schema(
            period=_TEXT, date_day=_DAY, level=_TEXT, territory_id=_TEXT, product_id=_TEXT,
            sales_channel=_TEXT, measure=_TEXT, mean=_MONEY, p025=_MONEY, p10=_MONEY, p50=_MONEY,
            p90=_MONEY, p975=_MONEY,
        ),
        6,
    ),
    "revenue": (
        _schema(
            period=_TEXT, date_day=_DAY, level=_TEXT, territory_id=_TEXT, product_id=_TEXT,
            sales_channel=_TEXT, units=_MONEY, mean=_MONEY, p025=_MONEY, p10=_MONEY, p50=_MONEY,
            p90=_MONEY, p975=_MONEY,
        ),
        6,
    ),
    "components": (
        _schema(
            date_day=_DAY, territory_id=_TEXT, product_id=_TEXT, sales_channel=_TEXT,
            component=_TEXT, value=_NUMBER, net_revenue=_NUMBER,
        ),
        5,
    ),
    "fit": (
        _schema(
            date_day=_DAY, territory_id=_TEXT, product_id=_TEXT, sales_channel=_TEXT,
            actual=_NUMBER, fitted=_NUMBER,
        ),
        4,
    ),
    # What the naive would have said: versions are held to it.
    "steps": (
        _schema(
            date_day=_DAY, territory_id=_TEXT, product_id=_TEXT, sales_channel=_TEXT,
            measure=_TEXT, step=_TEXT, value=_MONEY,
        ),
        6,
    ),
    "checks": (_CHECKS, 2),
}  # fmt: skip

JOURNEYS: dict[str, tuple[pa.Schema, int]] = {
    "credit": (
        _schema(
            conversion_kind=_TEXT, grain=_TEXT, name=_TEXT, rule=_TEXT, conversions=_NUMBER,
            p05=_NUMBER, p95=_NUMBER, value=_MONEY, margin=_MONEY, customers=_NUMBER,
        ),
        4,
    ),
    "removal": (
        _schema(conversion_kind=_TEXT, grain=_TEXT, name=_TEXT, removal_effect=_NUMBER), 3
    ),
    "orders": (
        _schema(
            conversion_kind=_TEXT, grain=_TEXT, order=pa.int64(), states=pa.int64(),
            loglik=_NUMBER, is_chosen=pa.bool_(),
        ),
        3,
    ),
    "funnel": (
        _schema(
            compared_by=_TEXT, member=_TEXT, stage=_TEXT,
            conversion=_NUMBER, p05=_NUMBER, p95=_NUMBER,
            undecided=_NUMBER, days_p25=_NUMBER, days_median=_NUMBER, days_p75=_NUMBER,
        ),
        3,
    ),
    "interactions": (
        _schema(
            stage=_TEXT, factor=_TEXT, odds_ratio=_NUMBER, p05=_NUMBER, p95=_NUMBER,
            from_conversion=_NUMBER, to_conversion=_NUMBER, difference=_NUMBER,
            difference_p05=_NUMBER, difference_p95=_NUMBER, opportunities=_NUMBER,
        ),
        2,
    ),
    "checks": (_CHECKS, 2),
}  # fmt: skip
#: The estimate of a mix result itself, as `models.mix.storage` reads it.
ESTIMATE = "result.zip"
ENGINES = {"mix": MIX, "forecast": FORECAST, "journeys": JOURNEYS}
#: Tables of a release that only journeys are estimated on; paths may be a million.
JOURNEY_INPUTS = ("journey_paths", "journey_touches", "journey_spend", "stages")
_JOURNEYS_ONLY = {*JOURNEY_INPUTS, "journey_credit"}


def write(
    lake: Lake,
    engine: str,
    run_id: str,
    frames: Mapping[str, pd.DataFrame],
    facts: Mapping[str, Any],
    *,
    save: Callable[[BinaryIO], None] | None = None,
) -> Path:
    """Write an engine's frames (one of `ENGINES`) under `results/<engine>/run_id=<id>/`.

    Args:
        save: writes the estimate itself, as `result.zip` beside the tables.

    Raises:
        KeyError, pyarrow.ArrowInvalid: a frame lacks a column or has the wrong type (a defect).
    """
    tables = ENGINES[engine]
    folder = lake.results / engine / f"run_id={run_id}"
    with appearing(folder) as temporary:
        for name, (schema, keys) in tables.items():
            frame = frames[name][schema.names].sort_values(schema.names[:keys], kind="stable")
            table = pa.Table.from_pandas(_as_days(frame, schema), schema, preserve_index=False)
            pq.write_table(
                table.replace_schema_metadata(None), temporary / f"{name}.parquet",
                compression="zstd",
            )  # fmt: skip
        if save is not None:
            with (temporary / ESTIMATE).open("wb") as file:
                save(file)
        write_json(temporary / "result.json", dict(facts) | {"run_id": run_id})
    return folder


def _as_days(frame: pd.DataFrame, schema: pa.Schema) -> pd.DataFrame:
    if "date_day" not in schema.names:
        return frame
    return frame.assign(date_day=pd.to_datetime(frame["date_day"]).dt.date)


def read_release(folder: Path) -> dict[str, pd.DataFrame]:
    """Tables of a release as frames: days as datetime64, money as Decimal objects.

    Without those of journeys, which `read_journeys` reads.
    """
    frames = {}
    for file in sorted(folder.glob("*.parquet")):
        if file.stem in _JOURNEYS_ONLY:
            continue
        frame = pq.read_table(file).to_pandas()
        if "date_day" in frame:
            frame["date_day"] = pd.to_datetime(frame["date_day"])
        frames[file.stem] = frame
    return frames


def read_mix(lake: Lake, release_id: str) -> tuple[MixResult | None, str]:
    """The newest attribution of a release as it was estimated and its run, or None and why not."""
    folder = None
    for told in sorted((lake.results / "mix").glob("run_id=*/result.json"), reverse=True):
        facts = json.loads(told.read_text(encoding="utf-8"))
        if facts.get("release_id") == release_id:
            folder = told.parent
            break
    if folder is None:
        return None, "the release is not attributed yet"
    file = folder / ESTIMATE
    if not file.is_file():
        return None, "the attribution was made before it kept its estimate"
    from models.mix.storage import StoredResultError, load

    try:
        with file.open("rb") as handle:
            return load(handle), str(facts["run_id"])
    except StoredResultError as error:
        return None, printable(error, 300)


def read_journeys(folder: Path) -> dict[str, pa.Table]:
    """The tables `JOURNEY_INPUTS` of a release.

    Raises:
        LiftcastError: an older version made the release, which knew less of journeys.
    """
    missing = [name for name in JOURNEY_INPUTS if not (folder / f"{name}.parquet").is_file()]
    if missing:
        raise _too_old(folder, f"{missing[0]}.parquet")
    tables = {name: pq.read_table(folder / f"{name}.parquet") for name in JOURNEY_INPUTS}
    if "customers" not in tables["journey_paths"].column_names:
        raise _too_old(folder, "the column customers in journey_paths.parquet")
    return tables


def _too_old(folder: Path, expected: str) -> LiftcastError:
    return LiftcastError(
        "an older version made the release, which knew less of journeys",
        where=printable(folder),
        expected=expected,
        remedy="Run `liftcast transform`, then `liftcast attribute` and `liftcast forecast`",
    )
