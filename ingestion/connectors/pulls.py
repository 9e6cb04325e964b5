"""What a pull has of its days, kept beside the landing's scratch until the rows have landed.

A day of an account is one Parquet file, there whole or not at all. A pull that died, or whose rows
could not be landed, is taken up again for some hours: its days are not asked for twice. Once its
rows have landed (the lake then gives back its id) it is forgotten, as the platform may restate any
of its days.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.connectors.reports.report import COLUMNS, Row
from warehouse.files import replacing, sweep_leftovers, write_json

FRESH = timedelta(hours=6)
_SCHEMA = pa.schema([(column, pa.string()) for column in COLUMNS])


@dataclass(frozen=True)
class Pull:
    """Days pulled so far.

    Args:
        id: of this pull; told to the lake with its rows.
        resumed: whether an earlier run left days of it.
    """

    folder: Path
    id: str
    resumed: bool

    @classmethod
    def begun(cls, folder: Path, asked: Mapping[str, Any], landed: str | None) -> Pull:
        """The pull of an input: the one that was left unfinished, or a new one.

        Args:
            folder: of this input's pulls; only one process works in it.
            asked: all that an answer depends on besides account and day.
            landed: id of the pull whose rows have landed last.
        """
        key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
        note = folder / "pull.json"
        now = datetime.now(UTC)
        sweep_leftovers(folder)
        held = _read(note)
        if (
            held.get("key") == key
            and held.get("id") != landed
            and timedelta(0) <= now - _time(held.get("began")) < FRESH
        ):
            return cls(folder, str(held["id"]), any(folder.glob("*/*.parquet")))
        shutil.rmtree(folder, ignore_errors=True)
        id_ = uuid.uuid4().hex[:12]
        write_json(note, {"id": id_, "key": key, "began": now.isoformat()})
        return cls(folder, id_, False)

    def _file(self, account: str, day: date) -> Path:
        return self.folder / account / f"{day}.parquet"

    def has(self, account: str, day: date) -> bool:
        """Whether all rows of this day are there."""
        return self._file(account, day).is_file()

    def keep(self, account: str, day: date, rows: Iterable[Row]) -> None:
        """Keep all rows of a day, or, when asking for them fails, none."""
        table = pa.Table.from_pylist(list(rows), schema=_SCHEMA)
        with replacing(self._file(account, day)) as temporary:
            pq.write_table(table, temporary, compression="snappy")

    def rows(self, account: str, day: date) -> pa.Table:
        """Rows of a day."""
        # One file, not a data set: the folders' names are not to become columns.
        return pq.ParquetFile(self._file(account, day)).read()


def _read(note: Path) -> dict[str, Any]:
    try:
        held = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return held if isinstance(held, dict) else {}


def _time(told: Any) -> datetime:
    try:
        found = datetime.fromisoformat(str(told))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
