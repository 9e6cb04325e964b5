"""A small shop whose exports the landing tests bend and break."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion import LandingReport, land, quoting, workshop
from ingestion.extract import ROW_NUMBER, Extract, Part
from ingestion.mapping import TableMapping, Writing
from ingestion.preparing import relation_of
from ingestion.shaping import ORDER, Relation, shape
from ingestion.validation import TERRITORIES, Strictness, validate
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
class Bench:
    """A workshop, and rows laid on it as if a connector had brought them."""

    shop: workshop.Workshop
    laid: int = 0

    def relation(
        self, columns: Mapping[str, Sequence[Any]], writing: Writing | None = None
    ) -> Relation:
        """Columns (of text, or of any Arrow type) as the rows of an input, numbered from 2."""
        arrays = {
            name: cells if isinstance(cells, pa.Array) else pa.array(cells, pa.string())
            for name, cells in columns.items()
        }
        size = len(next(iter(arrays.values())))
        numbers = pa.array(range(2, size + 2), pa.int64())
        path = self.shop.folder / f"laid_{self.laid}.parquet"
        self.laid += 1
        pq.write_table(pa.table({**arrays, ROW_NUMBER: numbers}), path)
        part = Part("shop, f", "0" * 64, f"select * from read_parquet('{path}')", size)
        extract = Extract("f", tuple(columns), (part,))
        return relation_of(self.shop, extract, writing or Writing(), 0)[0]

    def query(self, sql: str) -> list[dict[str, Any]]:
        return self.shop.engine.sql(sql).to_arrow_table().to_pylist()

    def shaped(
        self,
        table: TableMapping,
        columns: Mapping[str, Sequence[Any]],
        writing: Writing | None = None,
    ) -> list[dict[str, Any]]:
        """Shaped rows: values, and texts as `_t_<column>`, in the order of the input."""
        found = shape(table, self.relation(columns, writing))
        return self.query(f"from ({found.finished(found.base)}) order by {ORDER}")

    def checked(
        self,
        table: TableMapping,
        columns: Mapping[str, Sequence[Any]],
        writing: Writing | None = None,
        *,
        today: date = date(2025, 6, 1),
        territories: Sequence[str] | None = ("north", "south"),
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Rows kept and rows rejected, each by row number."""
        known = quoting.texts(territories or ())
        workshop.table_of(
            self.shop, TERRITORIES, f"select unnest([{known}]::varchar[]) as territory_id"
        )
        strictness = Strictness(today, table.allow_negative, territories is not None)
        found = validate(
            self.shop, table.contract, [shape(table, self.relation(columns, writing))], strictness
        )
        kept = self.query(f"from {found.kept} order by {ORDER}")
        rejected = self.query(f"from {found.rejected} order by {ORDER}")
        assert (len(kept), len(rejected)) == (found.rows_kept, found.rows_rejected)
        return kept, rejected


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
def bench(tmp_path: Path) -> Iterator[Bench]:
    with workshop.opened(Lake.at(tmp_path / "bench"), "bench", Settings()) as opened:
        yield Bench(opened)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "source", Lake.at(tmp_path / "lake"))
