"""A release's journeys to credit by removal effects, the funnel as a process, and their checks.

Frames in, frames out; files, locks and the run log are `pipeline`'s. What rules of thumb credit is
in the release already, exact (`journey_credit`): here is what has to be estimated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from liftcast.results import JOURNEYS
from models.errors import ModelInputError
from models.journeys import Attribution, Paths, attribute
from models.journeys.funnel import funnel
from models.journeys.paths import UNATTRIBUTED, Floats
from models.mix.gates.gate import Row, gates_frame, row
from warehouse.errors import printable

Say = Callable[[str], None]
#: Conversions that are the ledger's, and so carry its money.
SOLD = ("sale", "order", "won")
#: Above these a check speaks; below `_FEW` conversions an estimate is little more than a guess.
_UNTOUCHED, _MACHINES, _UNTOUCHED_SPEND, _BACKWARDS, _FEW = 0.5, 0.1, 0.5, 0.01, 100.0


@dataclass(frozen=True)
class Journeys:
    """Tables of `results.JOURNEYS` by name, and which orders were chosen by kind and grain."""

    tables: Mapping[str, pd.DataFrame]
    diagnostics: Mapping[str, Any]


def estimate(inputs: Mapping[str, pa.Table], seed: int, say: Say) -> Journeys:
    """Removal effects of every kind of conversion and grain, the funnel, and checks on both.

    Args:
        inputs: the tables `results.JOURNEY_INPUTS` of a release.

    A kind and grain that cannot be estimated is left out, and a check says why. Without a touch,
    or without opportunities, tables are empty, and a check says so once.
    """
    rows, orders = [], {}
    found: dict[str, list[pd.DataFrame]] = {"credit": [], "removal": [], "orders": []}
    for kind, grain, table in _cuts(inputs["journey_paths"]):
        paths = read_arrow_paths(table)
        if not paths.channels:
            continue
        say(f"journeys to {kind} by {grain}: {len(paths):,} paths, {len(paths.channels):,} names")
        try:
            result = attribute(paths, ("markov",), "auto", seed=seed)
        except ModelInputError as error:
            rows.append(
                row(
                    "journeys_estimated", f"{kind} by {grain}", "warn", False, np.nan, np.nan,
                    f"Removal effects cannot be estimated: {printable(error, 300)} "
                    "Rules of thumb stand.",
                )
            )  # fmt: skip
            continue
        at = {"conversion_kind": kind, "grain": grain}
        found["credit"].append(_credit(result, table).assign(**at))
        found["removal"].append(result.removal().rename(columns={"channel": "name"}).assign(**at))
        if result.orders is not None:
            found["orders"].append(result.orders.assign(**at))
        orders[f"{kind} by {grain}"] = result.order
    tables = {name: _joined(frames, name) for name, frames in found.items()}
    stages = inputs["stages"].to_pandas()
    process = funnel(stages)
    rows += [*_touch_checks(inputs), *_funnel_checks(stages, process.notes)]
    tables |= {
        "funnel": process.stages,
        "interactions": process.interactions,
        "checks": gates_frame(rows),
    }
    return Journeys(tables, {"orders": orders})


def read_arrow_paths(table: pa.Table) -> Paths:
    """Paths of one kind and grain of `journey_paths`; what neither converted nor ended is dropped.

    Names are taken as they are: no separator cuts them and none is reserved. Value stays apart, as
    returns can make it negative, or leave some where no conversion is left.
    """
    conversions = _floats(table["conversions"])
    nulls = _floats(table["nulls"])
    lists = table["path"].combine_chunks()
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    walked = (lengths > 0) & (conversions + nulls > 0)
    pieces = lists.filter(pa.array(walked)).flatten().cast(pa.large_string()).dictionary_encode()
    names = pieces.dictionary.to_pylist()
    channels = sorted(names)
    rank = {name: at for at, name in enumerate(channels)}
    lookup = np.array([rank[name] for name in names], dtype=np.int64)
    codes = lookup[pieces.indices.to_numpy()] if names else np.zeros(0, dtype=np.int64)
    return Paths(
        channels=tuple(channels),
        offsets=np.r_[0, np.cumsum(lengths[walked])].astype(np.int64),
        codes=codes,
        conversions=conversions[walked],
        nulls=nulls[walked],
        unattributed=float(conversions[lengths == 0].sum()),
    )


def shared_out(total: Decimal, weights: Floats) -> list[Decimal] | None:
    """An amount in parts of these proportions, to the cent, summing to it exactly.

    Each part is cut to the cent, and the cents that are left go to the largest remainders.

    Returns:
        None where all weights are 0.
    """
    whole = float(weights.sum())
    if whole <= 0:
        return None
    cents = int(abs(total).scaleb(2).to_integral_value())
    exact = weights / whole * cents
    parts = np.floor(exact).astype(np.int64)
    left = cents - int(parts.sum())
    order = np.argsort(parts - exact, kind="stable")
    # Floating point may be a cent off either way where amounts are very large.
    step = 1 if left >= 0 else -1
    for at in range(abs(left)):
        parts[order[at % len(order)]] += step
    sign = -1 if total < 0 else 1
    return [Decimal(sign * int(part)).scaleb(-2) for part in parts]


def _credit(result: Attribution, table: pa.Table) -> pd.DataFrame:
    """name, rule, conversions, p05, p95, value, margin, customers; `(unattributed)` takes the rest.

    Value, margin and new customers are shared in the proportions of conversions.
    """
    found = result.credit().drop(columns="value").rename(columns={"channel": "name"})
    found = found[found["name"] != UNATTRIBUTED] if result.paths.unattributed > 0 else found
    touched = pc.greater(pc.fill_null(pc.list_value_length(table["path"]), 0), 0)
    weights = found["conversions"].to_numpy(dtype=np.float64)
    lost: dict[str, Any] = {
        "name": UNATTRIBUTED,
        "rule": "markov",
        "conversions": result.paths.unattributed,
    }
    for column in ("value", "margin"):
        known = table[column].null_count < len(table)
        walked = _total(table.filter(touched)[column])
        rest = _total(table[column]) - walked
        parts = shared_out(walked, weights)
        if parts is None:
            parts, rest = [Decimal(0)] * len(found), rest + walked
        found = found.assign(**{column: pd.Series(parts if known else None, found.index, object)})
        lost[column] = rest if known else None
    customers = float(_floats(table.filter(touched)["customers"]).sum())
    whole = float(weights.sum())
    lost["customers"] = float(_floats(table["customers"]).sum()) - (customers if whole > 0 else 0.0)
    found = found.assign(customers=customers * weights / whole if whole > 0 else 0.0)
    found = pd.concat([found.astype(object), pd.DataFrame([lost]).astype(object)])
    # A channel that is really called (unattributed) cannot be told from nobody.
    return found if found["name"].is_unique else _merged(found)


def _merged(found: pd.DataFrame) -> pd.DataFrame:
    columns = ["conversions", "p05", "p95", "value", "margin", "customers"]
    # Without an amount in any of a name's rows there is none in its sum.
    return found.groupby(["name", "rule"], as_index=False, sort=False)[columns].sum(min_count=1)


def _cuts(table: pa.Table) -> Sequence[tuple[str, str, pa.Table]]:
    keys = table.select(["conversion_kind", "grain"]).group_by(["conversion_kind", "grain"])
    cuts = sorted(
        (str(k["conversion_kind"]), str(k["grain"])) for k in keys.aggregate([]).to_pylist()
    )
    return [
        (
            kind,
            grain,
            table.filter(
                pc.and_(pc.equal(table["conversion_kind"], kind), pc.equal(table["grain"], grain))
            ),
        )
        for kind, grain in cuts
    ]


def _joined(frames: Sequence[pd.DataFrame], name: str) -> pd.DataFrame:
    if frames:
        return pd.concat(frames, ignore_index=True)
    return pd.DataFrame(columns=JOURNEYS[name][0].names)


def _floats(column: pa.ChunkedArray) -> Floats:
    return np.asarray(pc.fill_null(column, 0).to_numpy(), dtype=np.float64)


def _total(column: pa.ChunkedArray) -> Decimal:
    found = pc.sum(column.cast(pa.decimal128(38, 2))).as_py()
    return found if found is not None else Decimal(0)


# --- checks --------------------------------------------------------------------------------------


def _touch_checks(inputs: Mapping[str, pa.Table]) -> list[Row]:
    paths = inputs["journey_paths"]
    paths = paths.filter(pc.equal(paths["grain"], "channel"))
    touches = inputs["journey_touches"].to_pandas()
    touches = touches[touches["grain"] == "channel"]
    counted = touches.loc[touches["treatment"] == "counted"]
    if counted["touches"].sum() == 0:
        text = "No touch of a person or an account has landed: no journey is credited."
        return [row("journeys_touched", "all conversions", "warn", True, np.nan, np.nan, text)]
    length = pc.fill_null(pc.list_value_length(paths["path"]), 0).to_numpy()
    frame = pd.DataFrame(
        {
            "kind": paths["conversion_kind"].to_pandas(),
            "all": _floats(paths["conversions"]),
            "untouched": np.where(length == 0, _floats(paths["conversions"]), 0.0),
            "nulls": _floats(paths["nulls"]),
        }
    )
    rows = []
    for kind, part in (
        frame.groupby("kind", sort=True)[["all", "untouched", "nulls"]].sum().iterrows()
    ):
        share = part["untouched"] / part["all"] if part["all"] > 0 else 0.0
        touched = float(part["all"] - part["untouched"])
        rows += [
            row(
                "journeys_touched", str(kind), "warn", share <= _UNTOUCHED, share, _UNTOUCHED,
                f"Share of conversions that reach no touch: {share:.0%}. Nobody is credited with "
                "them; channels are compared on the others.",
            ),
            row(
                "journeys_enough", str(kind), "warn", touched >= _FEW, touched, _FEW,
                f"{touched:,.0f} conversions with a touch; below {_FEW:.0f} removal effects and "
                "credit are little more than single cases.",
            ),
        ]  # fmt: skip
    blind = [
        str(kind) for kind, nulls in frame.groupby("kind")["nulls"].sum().items() if nulls == 0
    ]
    rows.append(
        row(
            "journeys_without_sale", "all conversions", "warn", True, float(len(blind)), np.nan,
            "Journeys that end in nothing are known for every kind of conversion."
            if not blind else
            f"No journey that ends in nothing is known for {', '.join(blind)}: removal effects see "
            "buyers only.",
        )
    )  # fmt: skip
    total = touches["touches"].sum()
    machine = touches.loc[touches["treatment"] == "machine", "touches"].sum() / total
    spend = inputs["journey_spend"].to_pandas()
    spend = spend.assign(spend=spend["spend"].astype(float))
    seen = set(counted["name"])
    whole = spend["spend"].sum()
    unseen = spend[~spend["channel"].isin(seen)].groupby("channel")["spend"].sum()
    unseen = unseen[unseen > 0].sort_values(ascending=False)
    share = float(unseen.sum() / whole) if whole > 0 else 0.0
    named = ", ".join(printable(name, 40) for name in unseen.index[:8])
    rows += [
        row(
            "journeys_machines", "all touches", "warn", machine <= _MACHINES, machine, _MACHINES,
            f"Share of touches that come faster than a person's and are left out: {machine:.1%}.",
        ),
        row(
            "journeys_spend_touched", "all spend", "warn", share <= _UNTOUCHED_SPEND, share,
            _UNTOUCHED_SPEND,
            f"Share of spend on what leaves no touch: {share:.0%}"
            + (f" ({named})" if named else "")
            + ". Journeys cannot credit it: the mix model and experiments can.",
        ),
    ]  # fmt: skip
    return rows


def _funnel_checks(stages: pd.DataFrame, notes: Sequence[str]) -> list[Row]:
    stays = float(stages["opportunities"].sum())
    if stays == 0:
        return []
    backwards = float(stages["backwards"].sum()) / stays
    rows = [
        row(
            "funnel_clocks", "all stages", "warn", backwards <= _BACKWARDS, backwards, _BACKWARDS,
            f"Share of stays in a stage that end before they begin: {backwards:.1%}. They count as "
            "of no length.",
        )
    ]  # fmt: skip
    if notes:
        text = f"{'; '.join(notes)}."
        rows.append(
            row("funnel_interactions", "all stages", "warn", True, np.nan, np.nan,
                text[0].upper() + text[1:])
        )  # fmt: skip
    return rows
