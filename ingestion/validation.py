"""Which rows keep their contract, and for the others: which column, and why."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pandera.pandas as pandera

from ingestion.contracts import Contract
from ingestion.conversion import convert
from ingestion.wording import did_you_mean, quoted

# Clocks and time zones differ, bookings are dated ahead; a year typed wrong is further off.
FUTURE_DAYS = 31


@dataclass(frozen=True)
class Validated:
    """Rows of one table, sorted apart.

    Args:
        kept: typed contract columns plus `_row_number` and `_file`.
        rejected: one row per rejected row: `_line`, `_file`, `row_number`, `column`, `reason`
            (the first column in contract order; every reason, separated by `; `).
    """

    kept: pd.DataFrame
    rejected: pd.DataFrame

    @property
    def read(self) -> int:
        return len(self.kept) + len(self.rejected)


def validate(
    contract: Contract,
    text: pd.DataFrame,
    *,
    today: date,
    allow_negative: Sequence[str] = (),
    territories: frozenset[str] | None = None,
) -> Validated:
    """Hold shaped rows against their contract. No row is lost: kept + rejected = read.

    Args:
        contract: the table's contract.
        text: contract columns as text, `_row_number`, `_line` and `_file`; index 0..n-1.
        today: facts dated more than 31 days after it are rejected.
        allow_negative: columns in which credits pass.
        territories: known territory ids; None where none are known anywhere.
    """
    typed, misfits = convert(contract, text)
    sound = np.ones(len(text), dtype=bool)
    sound[misfits["position"].to_numpy(dtype=int)] = False
    clean = typed[sound]
    problems = [
        misfits,
        _broken_checks(contract, clean, text, allow_negative),
        _future(contract, clean, today),
        _unknown_territories(contract, clean, territories),
    ]
    every = pd.concat(problems, ignore_index=True)
    sound[every["position"].to_numpy(dtype=int)] = False
    # The second of two equal keys is rejected only where the first stands.
    copies = _copies(contract, typed[sound], text)
    sound[copies["position"].to_numpy(dtype=int)] = False
    every = pd.concat([every, copies], ignore_index=True)

    kept = typed[sound].assign(
        _row_number=text.loc[sound, "_row_number"], _file=text.loc[sound, "_file"]
    )
    return Validated(kept.reset_index(drop=True), _one_each(contract, every, text))


def _problems(rows: Sequence[tuple[int, str, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["position", "column", "reason"])


def _broken_checks(
    contract: Contract, frame: pd.DataFrame, text: pd.DataFrame, allow_negative: Sequence[str]
) -> pd.DataFrame:
    try:
        with warnings.catch_warnings():
            # Pandera joins its own tables of failures in a way that pandas will change.
            warnings.simplefilter("ignore", FutureWarning)
            contract.schema(allow_negative).validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        cases = error.failure_cases
        if cases["index"].isna().any():
            raise  # The frame itself does not fit, which is our error, not the row's.
        # A rule over several columns is reported once for each of them.
        ruled = {rule.reason: rule.column for rule in contract.rules}
        on_rows = cases["schema_context"] == "DataFrameSchema"
        columns = cases["column"].where(~on_rows, cases["check"].map(ruled))
        rows = pd.DataFrame({"position": cases["index"].astype(int), "column": columns})
        rows["check"] = cases["check"].astype(str)
        rows = rows.drop_duplicates()
        reasons = [
            "is empty"
            if check == "not_nullable"
            else f"{quoted(text.at[position, column])} {check}"
            for position, column, check in rows.itertuples(index=False)
        ]
        return rows[["position", "column"]].assign(reason=reasons)
    return _problems([])


def _future(contract: Contract, frame: pd.DataFrame, today: date) -> pd.DataFrame:
    if not contract.actual or contract.partition is None:
        return _problems([])
    last = today + timedelta(days=FUTURE_DAYS)
    days = frame[contract.partition]
    late = (days > last).fillna(False).to_numpy(dtype=bool)
    return _problems(
        [
            (position, contract.partition, f"'{day}' is in the future")
            for position, day in zip(days.index[late].tolist(), days[late], strict=True)
        ]
    )


def _unknown_territories(
    contract: Contract, frame: pd.DataFrame, territories: frozenset[str] | None
) -> pd.DataFrame:
    if contract.table == "territories":
        column, known = "parent_id", (territories or frozenset()) | set(frame["territory_id"])
    elif "territory_id" in contract.columns and territories is not None:
        column, known = "territory_id", territories
    else:
        return _problems([])
    given = frame[column]
    strange = (given.notna() & ~given.isin(list(known))).to_numpy(dtype=bool)
    # The nearest name is looked up once a name, not once a row.
    reason = {
        name: f"{quoted(name)} is an unknown territory{did_you_mean(name, known)}"
        for name in given[strange].unique()
    }
    return _problems(
        [
            (position, column, reason[name])
            for position, name in zip(given.index[strange].tolist(), given[strange], strict=True)
        ]
    )


def _copies(contract: Contract, frame: pd.DataFrame, text: pd.DataFrame) -> pd.DataFrame:
    key = list(contract.key)
    # Grouped as codes: nulls are equal, and no type is converted on the way.
    codes = pd.DataFrame({name: pd.factorize(frame[name])[0] for name in key}, index=frame.index)
    later = codes.duplicated(keep="first")
    if not later.any():
        return _problems([])
    first = codes[codes.duplicated(keep=False)].groupby(key, sort=False).ngroup()
    leader = first.groupby(first).transform(lambda group: group.index[0])[later]
    same = frame.loc[leader.index].reset_index(drop=True)
    original = frame.loc[leader.to_numpy()].reset_index(drop=True)
    equal = ((same == original) | (same.isna() & original.isna())).fillna(False).all(axis=1)
    numbers = text["_row_number"]
    return _problems(
        [
            (
                position,
                key[0],
                f"{'is an exact copy of' if exact else 'has the same key as'} row {numbers[lead]}"
                f" ({', '.join(key)})",
            )
            for position, lead, exact in zip(leader.index.tolist(), leader, equal, strict=True)
        ]
    )


def _one_each(contract: Contract, every: pd.DataFrame, text: pd.DataFrame) -> pd.DataFrame:
    order = {name: number for number, name in enumerate(contract.columns)}
    every = every.assign(order=every["column"].map(order)).sort_values(
        ["position", "order"], kind="stable"
    )
    several = every["position"].duplicated(keep=False)
    # One column's reason stands alone; of several, each says which column it is about.
    named = every["reason"].where(~several, every["column"] + " " + every["reason"])
    every = every.assign(reason=named)
    rows = every.groupby("position", sort=True).agg(
        column=("column", "first"), reason=("reason", "; ".join)
    )
    at = rows.index.to_numpy(dtype=int)
    return pd.DataFrame(
        {
            "_line": text["_line"].to_numpy()[at],
            "_file": text["_file"].to_numpy()[at],
            "row_number": text["_row_number"].to_numpy()[at],
            "column": rows["column"].to_numpy(dtype=object),
            "reason": rows["reason"].to_numpy(dtype=object),
        }
    )
