"""Pages and schemas that are written from the code, so that they cannot disagree with it.

`python -m ingestion.reference` writes them; a test holds them in step.
"""

from __future__ import annotations

import json
from pathlib import Path

from ingestion.contracts import CONTRACTS, Contract
from ingestion.mapping import json_schema
from warehouse.settings import PROJECT

CONTRACTS_PAGE = Path("docs/reference/contracts.md")
MAPPING_SCHEMA = Path("sources/mapping.schema.json")

_HEAD = """# Raw contracts

Written by `python -m ingestion.reference` from `ingestion/contracts/`; do not edit by hand.

Every landed file has the columns below in this order, then `_source` (source the row is from),
`_file_hash` (SHA-256 of its file), `_row_number` (line in that file; the header is 1, inline
rows count from 1) and `_extra` (source columns that nobody mapped, as a JSON object, where the
mapping says `drift: evolve`; else empty). Money is DECIMAL(18,6) in the row's
`currency_code`; further places are rounded half to even. *Empty* says whether a cell may be. A
row that breaks its contract goes to quarantine with the column and the reason.
"""


def contracts_page() -> str:
    """The contracts as a Markdown page."""
    return "\n".join([_HEAD, *(_section(contract) for contract in CONTRACTS.values())])


def _section(contract: Contract) -> str:
    partition = f"`{contract.partition}`" if contract.partition else "none (`date_day=all`)"
    lines = [
        f"## {contract.table}",
        "",
        contract.description,
        "",
        f"Key: {', '.join(f'`{name}`' for name in contract.key)}. Partition: {partition}.",
        "",
        "| column | type | unit | empty | what | rejected when it |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, column in contract.columns.items():
        rejected = [rule.reason for rule in contract.rules_of(name)]
        rejected += [rule.reason for rule in contract.rules if rule.column == name]
        cells = [
            f"`{name}`",
            contract.type_of(name),
            contract.unit_of(name),
            "yes" if column.nullable else "no",
            column.description or "",
            "; ".join(rejected),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def mapping_schema() -> str:
    """The JSON Schema of a source mapping as text."""
    return json.dumps(json_schema(), indent=2) + "\n"


def write(project: Path) -> None:
    """Write the page and the schema under `project`."""
    for path, text in ((CONTRACTS_PAGE, contracts_page()), (MAPPING_SCHEMA, mapping_schema())):
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(PROJECT)
