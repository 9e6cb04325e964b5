"""A rule is said once: the pandera schema and the landing reject the same rows."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.contracts import CONTRACTS, Contract
from ingestion.contracts.contract import ARROW_TYPES
from ingestion.mapping import TableMapping

_DAY = date(2024, 1, 1)


def _cells(contract: Contract, name: str) -> st.SearchStrategy[Any]:
    values = contract.columns[name].metadata.get("values")
    words = [*(values or ()), "EUR", "DE", "Europe/Berlin", "a", "b"]
    found: st.SearchStrategy[Any] = {
        "DECIMAL(18,6)": st.integers(-3, 9).map(Decimal),
        "DOUBLE": st.sampled_from([-1.5, 0.0, 0.5, 1.0, 7.0]),
        "BIGINT": st.integers(-1, 9),
        "DATE": st.integers(0, 3).map(lambda n: _DAY + timedelta(days=n)),
        "TIMESTAMP": st.integers(0, 3).map(lambda n: pd.Timestamp(_DAY) + timedelta(days=n)),
        "VARCHAR": st.sampled_from(words),
    }[contract.type_of(name)]
    return st.one_of(st.none(), found, found, found)


@pytest.mark.parametrize("table", ["promotions", "sales", "territories", "opportunities"])
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_pandera_and_landing_reject_the_same_rows(
    bench: Any, table: str, data: st.DataObject
) -> None:
    contract = CONTRACTS[table]
    rows = data.draw(
        st.lists(
            st.fixed_dictionaries({name: _cells(contract, name) for name in contract.columns}),
            min_size=1,
            max_size=12,
        )
    )
    arrays = {
        name: pa.array([row[name] for row in rows], ARROW_TYPES[contract.type_of(name)])
        for name in contract.columns
    }
    frame = pa.table(arrays).to_pandas(types_mapper=pd.ArrowDtype)
    bad: set[int] = set()
    try:
        contract.schema().validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        bad = {int(row) for row in error.failure_cases["index"]}
    kept, rejected = bench.checked(
        TableMapping.model_validate({"table": table, "from": "f"}), arrays, territories=None
    )
    # Landing also rejects copies of a key and parents nobody named; the schema does not know them.
    broken = {
        row["_row_number"] - 2
        for row in rejected
        if " row " not in row["reason"] and "unknown territory" not in row["reason"]
    }
    strange = {row["_row_number"] - 2 for row in rejected} - broken
    assert broken - strange <= bad
    assert bad <= broken | strange
    assert not {row["_row_number"] - 2 for row in kept} & bad
