"""What stored versions say together: bridge, close, accuracy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd

from forecasting.versions.accuracy import Closed, Kept, accuracy
from forecasting.versions.actuals import of_period, patched, restated
from forecasting.versions.bridge import Between, Side, bridge
from forecasting.versions.errors import VersionError
from forecasting.versions.fiscal import calendar_months, frame_of, row_of
from forecasting.versions.states import Close, History, Version
from forecasting.versions.tables import actuals_table
from forecasting.versions.wording import shown
from liftcast.version_actor import Actor
from liftcast.version_ledgers import Key, Ledger
from liftcast.version_sources import NOT_RECORDED, Made, published_periods
from liftcast.version_store import VersionStore
from warehouse.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Sequence

Note = Callable[[str], None]
#: Days that periods of a rule are looked for in.
_ANY_DAY = (pd.Timestamp("2000-01-01"), pd.Timestamp("2099-12-31"))


# --- bridge ---------------------------------------------------------------------------------------


def same_code(old: Version | Made, new: Version | Made) -> bool:
    """Whether two forecasts are proved to be made by the same code in the same settings."""
    code = old.code_version
    recorded = code not in (NOT_RECORDED, "") and ".dirty" not in code
    settings = old.facts.get("settings")
    return (
        recorded
        and code == new.code_version
        and settings is not None
        and settings == new.facts.get("settings")
    )


def same_hash(one: str, other: str) -> bool:
    """Whether two hashes are recorded and equal."""
    return one == other and one != NOT_RECORDED


def comparable(old: Version | Made, new: Version | Made, names: tuple[str, str]) -> None:
    """Refuse two forecasts that do not speak of the same thing.

    Raises:
        VersionError: series columns, measure or currency differ.
    """
    for what, one, other in (
        ("series columns", sorted(old.series), sorted(new.series)),
        ("measure", old.measure, new.measure),
        ("currency", old.currency, new.currency),
    ):
        if one != other:
            raise VersionError(
                f"{names[0]} and {names[1]} cannot be compared: their {what} are {one} and {other}."
            )


@dataclass(frozen=True)
class Bridged:
    """`steps` as `forecasting.versions.bridge.bridge` gives them; `told`: how, in sentences."""

    old: Version
    new: Version
    steps: pd.DataFrame
    told: tuple[str, ...]


def previous(history: History, version: Version) -> Version | None:
    """What a version follows: what it was bridged from, supersedes, or the one of its scenario
    that was locked last before it was made."""
    name = version.bridge_from or version.supersedes
    if name is not None:
        return history.version(name)
    made = version.steps[0].seq
    earlier = [
        v for v in history.versions.values()
        if v.state == "locked" and v.scenario == version.scenario and v.steps[-1].seq < made
        and (v.measure, v.currency, sorted(v.series))
        == (version.measure, version.currency, sorted(version.series))
    ]  # fmt: skip
    return max(earlier, key=lambda v: v.steps[-1].seq, default=None)


def bridge_of(store: VersionStore, history: History, old: str | None, new: str) -> Bridged:
    """The bridge from `old` (else from what `new` follows, see `previous`) to `new`.

    Raises:
        VersionError: they cannot be compared, or nothing says which is the old one.
        LiftcastError: a table was touched.
    """
    after = history.version(new)
    before = history.version(old) if old is not None else previous(history, after)
    if before is None:
        raise VersionError(f"Say with --old which version {new} is compared with: it follows none.")
    comparable(before, after, (before.name, after.name))
    stored = before.name == after.bridge_from
    between = Between(
        old_data=_stop(store, after, "old_data", stored),
        old_plan=_stop(store, after, "old_plan", stored),
        same_code=same_code(before, after),
        same_data=same_hash(before.data_hash, after.data_hash),
        same_plan=same_hash(before.plan_hash, after.plan_hash),
    )
    sides = [Side(v.name, v.as_of, store.numbers(v).table) for v in (before, after)]
    _same_grain(sides)
    steps = bridge(sides[0], sides[1], after.series, between)
    return Bridged(before, after, steps, tuple(_told(between, steps)))


def _stop(store: VersionStore, version: Version, name: str, stored: bool) -> pd.DataFrame | None:
    if not stored or f"{name}.parquet" not in version.files:
        return None
    return store.made_by(version, name)


def _same_grain(sides: Sequence[Side]) -> None:
    steps = []
    for side in sides:
        days = side.table["ds"].drop_duplicates().sort_values()
        step = days.diff().min()
        steps.append(None if pd.isna(step) else max(1, round(step.days / 7) * 7) if
                     step.days >= 7 else step.days)  # fmt: skip
    if None not in steps and steps[0] != steps[1]:
        raise VersionError(
            f"{sides[0].name} and {sides[1].name} cannot be compared: their dates are "
            f"{steps[0]} and {steps[1]} days apart."
        )


def _told(between: Between, steps: pd.DataFrame) -> list[str]:
    found = set(steps["step"])
    told = ["order: model (new code on old data and old plan), data, plan, then overrides"]
    for same, what in (
        (between.same_code, "code and settings are the same"),
        (between.same_data, "the data are the same"),
        (between.same_plan, "the plan is the same"),
    ):
        if same:
            told.append(what)
    for table, what in ((between.old_data, "old data"), (between.old_plan, "old plan")):
        if table is not None:
            told.append(f"the new version was also forecast with the {what}")
    for step in ("model and data", "data and plan", "model, data and plan"):
        if step in found:
            told.append(
                f"'{step}' cannot be told apart: create the new version with --bridge-from and a "
                "forecast on the old data, with the old plan, or both"
            )
    if "unexplained" in found:
        told.append("'unexplained': code, data or plan are the same and the number is not")
    return told


# --- close ----------------------------------------------------------------------------------------


def close_period(
    store: VersionStore,
    period: str,
    ledgers: Sequence[Ledger],
    actor: Actor,
    *,
    calendar: str | None = None,
    lake: Lake | None = None,
) -> list[tuple[Close, pd.DataFrame]]:
    """Keep a fiscal period's actuals, one close a ledger; each with what was restated since its
    earlier ones. All of them are looked at before any is kept.

    Raises:
        VersionError: the calendar does not know the period, or its books are not complete.
    """
    history = store.history()
    starts_on, ends_on = _days_of(store, history, period, calendar, lake)
    earlier = first_closes(store, history)
    ready: list[tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]] = []
    for ledger in ledgers:
        actuals = actuals_table(ledger.frame, ledger.series, ledger.date, ledger.target)
        rows = of_period(actuals, starts_on, ends_on, period)
        changes, compared = restated(actuals, earlier.get(ledger.key, []))
        if not len(changes.columns) or "ds" not in changes.columns:
            changes = pd.DataFrame(columns=["period", *ledger.series, "ds", "was", "actual"])
        fields = {
            "period": period, "starts_on": starts_on.isoformat(), "ends_on": ends_on.isoformat(),
            "series": list(ledger.series), "measure": ledger.measure, "currency": ledger.currency,
            "facts": {"compared": compared, "from": ledger.source},
        }  # fmt: skip
        ready.append((fields, rows, changes))
    return [
        (store.close(fields, {"actuals": rows, "restated": changes}, actor), changes)
        for fields, rows, changes in ready
    ]


def _days_of(
    store: VersionStore, history: History, period: str, calendar: str | None, lake: Lake | None
) -> tuple[date, date]:
    """First and last day of a period: as given, as versions were cut by, or as the lake says."""
    for periods in _calendars(store, history, calendar, lake):
        if (periods["period"] == period).any():
            row = row_of(period, periods)
            return tuple(periods[name].iloc[row].date() for name in ("starts_on", "ends_on"))  # type: ignore[return-value]
    months = pd.to_datetime(period, format="%Y-%m", errors="coerce")
    if calendar is not None or pd.isna(months):
        raise VersionError(
            f"No fiscal calendar knows {shown(period)}: give one with --calendar (period, "
            "starts_on, ends_on)."
        )
    month = calendar_months(months.date(), months.date()).iloc[0]
    return month["starts_on"].date(), month["ends_on"].date()


def _calendars(
    store: VersionStore, history: History, calendar: str | None, lake: Lake | None
) -> list[pd.DataFrame]:
    from liftcast.forecast_sums import fiscal_periods

    if calendar is not None:
        return [frame_of(fiscal_periods(calendar, *_ANY_DAY))]
    found = [store.made_by(v, "periods") for v in reversed(list(history.versions.values()))]
    published = published_periods(lake)
    return found if published is None else [*found, published]


def first_closes(store: VersionStore, history: History) -> dict[Key, list[Closed]]:
    """What the ledger said when each period was closed for the first time."""
    out: dict[Key, list[Closed]] = {}
    for close in history.closes:
        if close.number == 1:
            table = store.closed(close)
            one = Closed(close.period, close.starts_on, close.ends_on, close.series, table)
            out.setdefault(close.key[1:], []).append(one)
    return out


# --- accuracy -------------------------------------------------------------------------------------


def accuracy_of(
    store: VersionStore, history: History, *, as_restated: bool = False, note: Note = lambda _: None
) -> pd.DataFrame:
    """Scores of locked versions against the closes (`forecasting.versions.accuracy`).

    Args:
        as_restated: against the ledger as the newest close saw it, instead of each period's first.
    """
    closes = first_closes(store, history)
    kept: dict[Key, list[Kept]] = {key: [] for key in closes}
    left: list[str] = []
    for version in history.versions.values():
        if version.locked_at is None:
            continue
        key = (version.measure, version.currency, tuple(sorted(version.series)))
        if key not in closes:
            left.append(version.name)
            continue
        kept[key].append(
            Kept(
                version.name, version.scenario, version.fiscal_period, version.as_of,
                date.fromisoformat(version.locked_at[:10]), version.series,
                store.numbers(version).table, store.made_by(version, "periods"),
                version.measure, version.currency, _naive(store, version),
            )
        )  # fmt: skip
    if left and closes:
        note(
            f"left out, of other series columns, measure or currency than the closes: "
            f"{', '.join(left[:6])}"
        )
    frames = []
    for key, ones in closes.items():
        against = [_as_restated(store, history, key, one) for one in ones] if as_restated else ones
        frames.append(accuracy(kept[key], against))
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else accuracy([], [])


def _naive(store: VersionStore, version: Version) -> pd.DataFrame | None:
    """What the naive would have said; None for a version that was made before this was kept."""
    return store.made_by(version, "naive") if "naive.parquet" in version.files else None


def _as_restated(store: VersionStore, history: History, key: Key, one: Closed) -> Closed:
    for close in reversed(history.closes):
        if close.key[1:] == key and one.period in close.facts.get("compared", ()):
            table = patched(one, store.closed(close, "restated"))
            return Closed(one.period, one.starts_on, one.ends_on, one.series, table)
    return one
