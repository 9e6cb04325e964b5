"""Credit of built journeys: shares from SQL, estimates and intervals from `models.journeys`."""

# ruff: noqa: S608 - names and texts from outside pass through `quoted`

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from liftcast.journeys_building import SHARED_RULES, Built, lists, macros
from models.journeys import Paths
from models.journeys import attribute as estimate
from models.journeys.bootstrap import replicates
from models.journeys.paths import UNATTRIBUTED, sums

if TYPE_CHECKING:
    import pyarrow as pa

    from models.journeys.paths import Floats, Places

_ENDS = ("p05", "p95", "value_p05", "value_p95")


@dataclass(frozen=True)
class Credit:
    """What the rules credit.

    Attributes:
        table: channel, rule, conversions, value, p05, p95 (of conversions), value_p05, value_p95.
        removal: channel, removal_effect, p05, p95; no rows without the rule markov.
        notes: what the reader should know, in sentences.
    """

    table: pd.DataFrame
    removal: pd.DataFrame
    notes: tuple[str, ...]


def credit_of(  # noqa: PLR0917
    connection: Any, built: Built, rules: Sequence[str], order: Any, draws: int, seed: int
) -> Credit:
    """Conversions and value credited by rules, with 90 % intervals of conversions.

    Rules that share a conversion among its touches are sums of the shares the SQL gave, which know
    times and stages. "markov" and "shapley_rate" are estimated on all paths, missed ones too.
    People are drawn, with all their conversions; journeys that were missed are drawn each alone.
    """
    connection.execute(
        "create table repeaters as select unit_kind, unit_id, cast(row_number() over ("
        "order by unit_kind, unit_id) - 1 as bigint) as person from weighted "
        "group by unit_kind, unit_id having count(*) > 1"
    )
    shared = [rule for rule in rules if rule in SHARED_RULES]
    estimated = [rule for rule in rules if rule not in SHARED_RULES]
    sold, shares = _sold(connection, built, shared)
    parts: dict[str, pd.DataFrame] = {}
    channels = _walked(connection, built) if estimated else ()
    known = sorted({*channels, *(sold.channels if sold is not None else ())})
    if sold is not None and shared:
        assert sold.value is not None
        for rule in shared:
            parts[rule] = pd.DataFrame(
                {
                    "conversions": _credited(sold, shares[rule], sold.conversions),
                    "value": _credited(sold, shares[rule], sold.value),
                }
                | dict.fromkeys(_ENDS, np.nan),
                index=pd.Index(sold.channels),
            )
        if draws:
            drawn = replicates(sold, shares, None, with_rate=False, draws=draws, seed=seed)
            for rule in shared:
                parts[rule]["p05"], parts[rule]["p95"] = _interval(drawn.conversions[rule])
                parts[rule]["value_p05"], parts[rule]["value_p95"] = _interval(drawn.value[rule])
    notes: list[str] = []
    removal = pd.DataFrame(
        {"channel": pd.Series(dtype=object), "removal_effect": [], "p05": [], "p95": []}
    )
    if estimated and known:
        result = estimate(_everything(connection, built), estimated, order, draws, seed)
        notes += result.notes
        removal = result.removal()
        found = result.credit().set_index("channel")
        for rule in estimated:
            parts[rule] = found.loc[found["rule"] == rule].drop(columns="rule")
    nobody = connection.execute(
        "select coalesce(sum(conversions), 0), coalesce(sum(value), 0), count(*) from journeys "
        "where touches is null or len(touches) = 0"
    ).fetchone()
    blocks = []
    for rule in rules:
        block = parts.get(rule, pd.DataFrame(columns=["conversions", "value", *_ENDS]))
        block = block.reindex(known).fillna({"conversions": 0.0, "value": 0.0})
        if draws:
            block = block.fillna(dict.fromkeys(_ENDS, 0.0) if rule in shared else {})
        if nobody[2]:
            block.loc[UNATTRIBUTED] = [float(nobody[0]), float(nobody[1])] + [np.nan] * 4
        blocks.append(block.assign(rule=rule))
    table = pd.concat(blocks).rename_axis("channel").reset_index()
    if not built.has_value:
        table[["value", "value_p05", "value_p95"]] = np.nan
    if nobody[2]:
        notes.append(f"{nobody[2]:,} conversions reach no touch and are credited to nobody")
    if built.counts["open"]:
        notes.append(
            f"{built.counts['open']:,} journeys may still lead to a conversion: they are no nulls"
        )
    columns = ["channel", "rule", "conversions", "value", *_ENDS]
    return Credit(table[columns], removal, tuple(notes))


def _sold(
    connection: Any, built: Built, rules: Sequence[str]
) -> tuple[Paths | None, dict[str, Floats]]:
    """A path for each conversion that reaches a touch, and shares by touch and rule."""
    weights = "".join(f", weights_{rule}" for rule in rules)
    table = lists(
        connection,
        f"select touches_code as touches, conversions, value::double as value, person{weights} "
        "from (select *, list_transform(touches, lambda t: t.code) as touches_code from weighted) "
        "left join repeaters using (unit_kind, unit_id) order by conversion_id",
    )
    if not table.num_rows:
        return None, {}
    offsets, codes = _flat(table["touches"])
    channels, codes = _used(built.names, codes)
    shares = {
        rule: np.asarray(_values(table[f"weights_{rule}"]), dtype=np.float64) for rule in rules
    }
    conversions = table["conversions"].to_numpy().astype(np.float64)
    value = table["value"].to_numpy().astype(np.float64)
    sold = Paths(
        channels, offsets, codes, conversions, np.zeros(len(conversions)), value,
        persons=_persons(table),
    )  # fmt: skip
    return sold, shares


def _everything(connection: Any, built: Built) -> Paths:
    """Every distinct path, converting or not, in an order that does not depend on threads."""
    table = lists(
        connection,
        "select touches, sum(conversions)::double as conversions, sum(value)::double as value, "
        "sum(journeys)::double as journeys, hash(touches) as mark, person from ("
        "select list_transform(touches, lambda t: t.code) as touches, conversions, value, "
        "0 as journeys, person from weighted left join repeaters using (unit_kind, unit_id) "
        "union all select touches, 0, 0, journeys, null from missed_paths where not is_open) "
        "group by touches, person",
    )
    offsets, codes = _flat(table["touches"])
    channels, codes = _used(built.names, codes)
    columns = [
        table[name].to_numpy().astype(np.float64) for name in ("conversions", "journeys", "value")
    ]
    # Threads hand rows over in any order, and sums of other orders differ in their last bit.
    persons = _persons(table)
    order = np.lexsort((persons, table["mark"].to_numpy()))
    found = Paths(channels, offsets, codes, columns[0], columns[1], columns[2], persons=persons)
    return _in_order(found, order)


def _persons(table: pa.Table) -> Places:
    """Who walked each path, -1 for those who walked no other to a conversion."""
    return np.asarray(table["person"].fill_null(-1).to_numpy(), dtype=np.int64)


def _in_order(paths: Paths, order: Places) -> Paths:
    """Paths in another order."""
    size = paths.lengths[order]
    offsets = np.r_[0, np.cumsum(size)]
    at = np.repeat(paths.offsets[:-1][order] - offsets[:-1], size) + np.arange(offsets[-1])
    assert paths.value is not None
    assert paths.persons is not None
    return Paths(
        paths.channels, offsets, paths.codes[at], paths.conversions[order], paths.nulls[order],
        paths.value[order], persons=paths.persons[order],
    )  # fmt: skip


def _walked(connection: Any, built: Built) -> tuple[str, ...]:
    """Names of every path, converting or not."""
    rows = connection.execute(
        "select distinct unnest(touches) from missed_paths where not is_open"
    ).fetchall()
    return tuple(built.names[code] for (code,) in rows)


def _flat(column: pa.ChunkedArray) -> tuple[Places, Places]:
    array = column.combine_chunks()
    lengths = np.asarray(array.value_lengths().to_numpy(zero_copy_only=False), dtype=np.int64)
    return np.r_[0, np.cumsum(lengths)], _values(column).astype(np.int64)


def _values(column: pa.ChunkedArray) -> Any:
    """Elements of all lists, one list after the other."""
    return column.combine_chunks().flatten().to_numpy(zero_copy_only=False)


def _used(names: Sequence[str], codes: Places) -> tuple[tuple[str, ...], Places]:
    """Names that occur, sorted, and codes among them."""
    walked = np.bincount(codes, minlength=len(names)) > 0
    return (
        tuple(names[int(code)] for code in np.flatnonzero(walked)),
        (np.cumsum(walked) - 1)[codes].astype(np.int64),
    )


def _interval(drawn: Floats) -> Floats:
    return np.quantile(drawn, (0.05, 0.95), axis=0)


def _credited(paths: Paths, shares: Floats, outcome: Floats) -> Floats:
    return sums(shares * outcome[paths.rows], paths.codes, len(paths.channels))


def write_touches(connection: Any, built: Built, file: Path) -> None:
    """Every touch with the share and the cents that each rule credits it with, as CSV or Parquet.

    With its id where touches have one; of those that count once, the first. Shares sum to exactly
    one over a conversion, cents to its value. In CSV a text that a spreadsheet would run is led by
    an apostrophe.
    """
    totals = {"share": "1000000000"}
    if built.has_value:
        totals["value"] = "cast(value * 100 as bigint)"
    connection.execute(
        f"create view dealt as {macros().journeys_parts('weighted', SHARED_RULES, totals)}"
    )
    plain = file.suffix == ".parquet"

    def shown(cell: str) -> str:
        return cell if plain else (
            f"case when regexp_matches({cell}, '^[=+@\\t\\r-]') then '''' || {cell} else {cell} end"
        )  # fmt: skip

    columns = []
    for rule in SHARED_RULES:
        columns.append(
            f"cast(share_{rule} * cast(0.000000001 as decimal(10, 9)) as decimal(10, 9)) "
            f"as share_{rule}"
        )
        if built.has_value:
            columns.append(
                f"cast(value_{rule} * cast(0.01 as decimal(3, 2)) as decimal(18, 2)) "
                f"as value_{rule}"
            )
    unnested = ", ".join(
        f"unnest(parts_{measure}_{rule}) as {measure}_{rule}"
        for rule in SHARED_RULES
        for measure in totals
    )
    named, lookup = "", ""
    if built.has_ids:
        # A moment is kept as finely as `scale` says.
        named = f"{shown('touchpoint_id')} as touchpoint_id, "
        lookup = (
            "left join (select unit_kind, unit_id, code, origin + to_microseconds((epoch_us("
            "occurred_at) - epoch_us(origin)) // step * step) as occurred_at, "
            "min(touchpoint_id) as touchpoint_id from placed semi join windows "
            "using (unit_kind, unit_id) cross join scale group by all) as ids "
            "using (unit_kind, unit_id, code, occurred_at) "
        )
    form = "format parquet, compression zstd" if plain else "format csv, header true"
    connection.execute(
        f"copy (select {shown('conversion_id')} as conversion_id, "
        f"{shown('conversion_kind')} as conversion_kind, converted_at, unit_kind, "
        f"{shown('unit_id')} as unit_id, position, {named}occurred_at, "
        f"{shown('name')} as channel, "
        f"{', '.join(columns)} from (select * exclude (touch), touch.code as code, "
        "touch.occurred_at as occurred_at from (select conversion_kind, conversion_id, "
        "converted_at, unit_kind, unit_id, unnest(range(1, len(touches) + 1)) as position, "
        f"unnest(touches) as touch, {unnested} from dealt)) inner join names using (code) {lookup}"
        f"order by conversion_id, position) to '{str(file).replace(chr(39), chr(39) * 2)}' ({form})"
    )
