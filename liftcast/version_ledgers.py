"""Actuals that a fiscal period is closed with: of a CSV, or of a lake's ledger."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from liftcast.version_sources import known_measure
from warehouse.errors import printable
from warehouse.lake import Lake

if TYPE_CHECKING:
    import pandas as pd

    from forecasting.versions.states import History

#: Measure, currency, series columns: only forecasts and actuals that share them are compared.
Key = tuple[str, str | None, tuple[str, ...]]
_SERIES = ("territory_id", "product_id", "sales_channel")


@dataclass(frozen=True)
class Ledger:
    """Actuals to close with: rows with series columns, a date and an amount."""

    frame: pd.DataFrame
    series: tuple[str, ...]
    date: str
    target: str
    measure: str
    currency: str | None
    source: str

    @property
    def key(self) -> Key:
        """What is measured, in what, of which series."""
        return self.measure, self.currency, tuple(sorted(self.series))


def ledger_from_csv(  # noqa: PLR0917 - as the options
    file: Path, series: str, date: str, target: str, measure: str | None, currency: str | None
) -> Ledger:
    """Actuals of a CSV, as `liftcast forecast run` takes history.

    Raises:
        LiftcastError: the file cannot be read.
    """
    from liftcast.mix_files import read_csv

    table = read_csv(file)
    names = tuple(name.strip() for name in series.split(","))
    source = f"{printable(file.name)} {table.sha256}"
    return Ledger(table.frame, names, date, target, measure or target, currency, source)


def ledger_from_lake(lake: Lake, measure: str | None = None) -> Ledger:
    """The ledger of a lake's newest release, by the forecast's series.

    Args:
        measure: units or net_revenue; None: what the volume of the newest forecast counts.

    Raises:
        LiftcastError: there is no release, or no forecast that says which measure, or the ledger
            counts no units.
    """
    import pyarrow.parquet as pq

    counted = _counted(lake)
    measure = measure or counted
    known_measure(measure, counted)
    release = lake.current_release()
    told = json.loads((release / "release.json").read_text(encoding="utf-8"))
    frame = pq.read_table(release / "ledger.parquet").to_pandas()
    return Ledger(
        frame, _SERIES, "date_day", measure, measure,
        str(told["currency"]) if measure == "net_revenue" else None,
        f"release {told['release_id']}",
    )  # fmt: skip


def locked_measures(lake: Lake, history: History) -> list[str]:
    """What of a lake's ledger a close keeps where nobody says: each measure that one of its
    versions is locked in, or else what the volume of its newest forecast counts.

    Raises:
        LiftcastError: there is no forecast.
    """
    counted = _counted(lake)
    locked = {
        version.measure
        for version in history.versions.values()
        if version.locked_at is not None and set(version.series) == set(_SERIES)
    }
    here = [measure for measure in dict.fromkeys((counted, "net_revenue")) if measure in locked]
    return here or [counted]


def _counted(lake: Lake) -> str:
    import pyarrow.parquet as pq

    folder, _ = lake.latest_result("forecast")
    return str(pq.read_table(folder / "volume.parquet", columns=["measure"])[0][0].as_py())
