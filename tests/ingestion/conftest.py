"""A small shop whose exports the landing tests bend and break."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ingestion import LandingReport, land
from warehouse import Lake, Settings

SALES_HEADER = "order_id,day,territory_id,units,amount"

MAPPING = """\
version: 1
source: {source}
description: A shop
reporting_currency: EUR
files:
  sales: {{path: sales.csv}}
tables:
  - table: territories
    records:
      - {{territory_id: north, territory_name: North, currency_code: EUR}}
      - {{territory_id: south, territory_name: South, currency_code: EUR}}
  - table: sales
    from: sales
    columns: {{date_day: day, net_revenue: amount}}
    constants: {{line_number: 1, grain: day, product_id: tea, sales_channel: web,
      sales_level: shop, customer_kind: B2C, currency_code: EUR}}
"""


@dataclass
class Shop:
    """A source folder and a lake."""

    folder: Path
    lake: Lake
    source: str = "shop"
    settings: Settings = field(default_factory=Settings)

    @property
    def mapping(self) -> Path:
        return self.folder / f"{self.source}.yml"

    @property
    def sales(self) -> Path:
        return self.folder / "sales.csv"

    def write(self, *rows: str, header: str = SALES_HEADER, mapping: str = MAPPING) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.mapping.write_text(mapping.format(source=self.source), encoding="utf-8")
        self.sales.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")

    def land(
        self,
        start: date | None = None,
        end: date | None = None,
        progress: Callable[[str], None] | None = None,
        **settings: Any,
    ) -> LandingReport:
        return land(
            self.lake,
            self.mapping,
            start=start,
            end=end,
            run_id="20250101T000000-00000000",
            settings=self.settings.model_copy(update=settings),
            progress=progress,
        )

    def rows(self, table: str = "sales") -> list[dict[str, Any]]:
        """Landed rows of this source."""
        files = sorted((self.lake.raw / table / f"source={self.source}").rglob("part.parquet"))
        return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]

    def quarantined(self, table: str = "sales") -> list[dict[str, Any]]:
        files = sorted((self.lake.quarantine / table).rglob("*.parquet"))
        return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]

    def manifest(self, table: str = "sales") -> list[dict[str, Any]]:
        text = (self.lake.manifest / table / f"{self.source}.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def raw_files(self) -> dict[str, tuple[str, int]]:
        """Hash and time of change of every file under raw/."""
        return {
            str(file.relative_to(self.lake.raw)): (
                hashlib.sha256(file.read_bytes()).hexdigest(),
                file.stat().st_mtime_ns,
            )
            for file in sorted(self.lake.raw.rglob("*"))
            if file.is_file()
        }

    def raw_bytes(self) -> dict[str, str]:
        return {name: content for name, (content, _) in self.raw_files().items()}

    def twin(self, lake: str) -> Shop:
        """The same source with a lake of its own."""
        return Shop(self.folder, Lake.at(self.lake.root.parent / lake), self.source)

    @staticmethod
    def good_rows(days: int, first: date = date(2025, 1, 1)) -> list[str]:
        """Two sound sales a day: units and amount grow by one a day."""
        return [
            f"{place}-{n},{first + timedelta(days=n)},{place},{n + 1},{n + 1}.25"
            for n in range(days)
            for place in ("north", "south")
        ]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "source", Lake.at(tmp_path / "lake"))
