"""The contracts are those of the architecture page, and the generated pages are in step."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest

from ingestion.contracts import CONTRACTS
from ingestion.contracts.codes import countries, currencies, time_zones
from ingestion.reference import CONTRACTS_PAGE, MAPPING_SCHEMA, contracts_page, mapping_schema
from warehouse.settings import PROJECT


def _architecture() -> dict[str, tuple[list[str], list[str], list[str], str]]:
    """Table: key, columns, nullable columns, partition, as docs/architecture.md states them."""
    page = (PROJECT / "docs/architecture.md").read_text(encoding="utf-8")
    section = page.split("## Raw contracts")[1].split("\n## ")[0]
    found = {}
    for table, key, columns, partition in re.findall(
        r"^\| `(\w+)` \[([^\]]+)\] \| (.+) \| (\w+) \|$", section, flags=re.MULTILINE
    ):
        # Remarks, in brackets or after a semicolon, are not columns.
        plain = re.sub(r"\([^)]*\)", "", columns.split(";")[0])
        names = [name.strip() for name in plain.split(",")]
        nullable = [name.rstrip("?") for name in names if name.endswith("?")]
        found[table] = (key.split(", "), [n.rstrip("?") for n in names], nullable, partition)
    return found


def test_contracts_are_those_of_the_architecture_page() -> None:
    stated = _architecture()
    assert len(stated) == 23
    assert set(stated) == set(CONTRACTS)
    for table, (key, columns, nullable, partition) in stated.items():
        contract = CONTRACTS[table]
        assert list(contract.key) == key, table
        assert list(contract.columns) == columns, table
        assert [n for n in columns if n not in contract.required] == nullable, table
        assert (contract.partition or "all") == partition, table


@pytest.mark.parametrize("table", CONTRACTS)
def test_every_column_says_what_it_holds(table: str) -> None:
    contract = CONTRACTS[table]
    for name, column in contract.columns.items():
        assert column.description, name
        if contract.is_number(name):
            assert contract.unit_of(name), name
    lineage = ["_source", "_file_hash", "_row_number", "_extra"]
    assert contract.arrow_schema.names[-4:] == lineage


def test_money_is_exact_and_beside_its_currency() -> None:
    for contract in CONTRACTS.values():
        for name in contract.money:
            assert contract.arrow_schema.field(name).type == pa.decimal128(18, 6)
            assert "currency_code" in contract.columns


def test_code_lists_know_what_is_real() -> None:
    assert {"EUR", "USD", "JPY", "DEM"} <= currencies()
    assert not {"XXX", "EUX", "eur", ""} & currencies()
    assert {"DE", "US", "NO"} <= countries()
    assert "UK" not in countries()
    assert "Europe/Berlin" in time_zones()


def test_generated_pages_are_in_step_with_the_code() -> None:
    remedy = "run `python -m ingestion.reference`"
    assert (PROJECT / CONTRACTS_PAGE).read_text(encoding="utf-8") == contracts_page(), remedy
    assert (PROJECT / MAPPING_SCHEMA).read_text(encoding="utf-8") == mapping_schema(), remedy
