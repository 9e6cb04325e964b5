"""Rows of a table of experiments, put together by experiment and checked against the panel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from models.errors import ExperimentError
from models.mix.frames import Floats
from models.mix.panel import Panel

DONE = "done"
_STATUSES = ("planned", "running", DONE, "cancelled")
_USES = ("calibrate", "compare")
_CONTRASTS = ("added", "withheld", "all")
_ARMS = ("treated", "control")
_NEEDED = ("experiment_id", "driver", "starts_on", "ends_on", "effect", "effect_se")


@dataclass(frozen=True)
class Experiment:
    """One read-out: treated `series` of the panel with the money in each, and its window.

    `effect` and `error` are in the outcome's unit; None: not read yet.
    """

    label: str
    kind: str
    driver: str
    status: str
    starts_on: pd.Timestamp
    ends_on: pd.Timestamp
    controls: tuple[int, ...]
    use: str
    contrast: str | None
    series: tuple[int, ...] = ()
    territories: tuple[str, ...] = ()
    spend: Floats = field(default_factory=lambda: np.zeros(0))
    effect: float | None = None
    error: float | None = None


def group_rows(frame: pd.DataFrame, panel: Panel) -> Iterator[Experiment]:
    """Every experiment of a frame, in the order of their names.

    Where the treated rows of one experiment have different effects each is a read-out of its own
    territory; where they have one it is of all treated territories together.
    """
    missing = [column for column in _NEEDED if column not in frame]
    if missing:
        raise ExperimentError(
            f"The experiments lack the column {missing[0]!r} (they have: "
            f"{', '.join(map(str, frame.columns)) or 'none'}); add it."
        )
    if frame["experiment_id"].isna().any():
        row = int(np.argmax(frame["experiment_id"].isna()))
        raise ExperimentError(f"The experiments have no experiment_id in row {row}; name it.")
    for name, rows in frame.groupby(frame["experiment_id"].astype(str), sort=True):
        yield from _one(str(name), rows.reset_index(drop=True), panel)


def _one(name: str, rows: pd.DataFrame, panel: Panel) -> Iterator[Experiment]:
    label = repr(name)
    kind, driver = _driver(label, rows, panel)
    status = _word(label, rows, "status", _STATUSES, DONE)
    starts, ends = (_day(label, rows, column) for column in ("starts_on", "ends_on"))
    if ends < starts:
        raise ExperimentError(
            f"Experiment {label} ends on {ends.date()}, before it starts on {starts.date()}."
        )
    arms = _column(rows, "arm", "treated")
    for arm in arms:
        if arm not in _ARMS:
            raise ExperimentError(
                f"Experiment {label} has the arm {arm!r}; expected treated or control."
            )
    treated = rows[(arms == "treated").to_numpy()]
    controls = rows[(arms == "control").to_numpy()]
    bare = Experiment(
        label=label,
        kind=kind,
        driver=driver,
        status=status,
        starts_on=starts,
        ends_on=ends,
        controls=_series(label, controls, panel, strict=False)[0],
        use=_word(label, rows, "use", _USES, "calibrate"),
        contrast=_word(label, rows, "contrast", _CONTRASTS, "") or None,
    )
    read = treated.assign(
        _effect=_numbers(label, treated, "effect"), _error=_numbers(label, treated, "effect_se")
    )
    values = read.dropna(subset=["_effect"])
    if status != DONE or values.empty:
        yield bare
        return
    if "currency_code" in rows:
        for code in rows["currency_code"].dropna().astype(str).unique():
            if code.strip() and code != panel.currency:
                raise ExperimentError(
                    f"Experiment {label} is in {code}, the outcome in {panel.currency}; give "
                    "effect, effect_se and spend in the unit of the outcome."
                )
    bad = ~(values["_error"] > 0)
    if bad.any():
        given = str(values["effect_se"][bad].iloc[0])
        raise ExperimentError(
            f"Experiment {label} has the effect_se {given!r}; expected a number above 0: without "
            "it the read-out cannot be weighed."
        )
    distinct = values[["_effect", "_error"]].drop_duplicates()
    groups = [read] if len(distinct) == 1 else [values.iloc[[i]] for i in range(len(values))]
    for group in groups:
        series, territories, spend = _series(label, group, panel, strict=True)
        row = group.dropna(subset=["_effect"]).iloc[0]
        yield replace(
            bare,
            label=label if len(groups) == 1 else f"{label} in {territories[0]!r}",
            series=series,
            territories=territories,
            spend=spend,
            effect=float(row["_effect"]),
            error=float(row["_error"]),
        )


def _series(
    label: str, rows: pd.DataFrame, panel: Panel, *, strict: bool
) -> tuple[tuple[int, ...], tuple[str, ...], Floats]:
    """Series of the rows' territories (none named: all), and the money in each of them."""
    names = np.array(panel.territories)
    money = np.nan_to_num(_numbers(label, rows, "spend"))
    found: dict[int, float] = {}
    for territory, spent in zip(_column(rows, "territory_id", ""), money, strict=True):
        at = np.flatnonzero(names == territory) if territory else np.arange(len(names))
        if not at.size and strict:
            raise ExperimentError(
                f"Experiment {label} treats the territory {territory!r}, which the panel lacks "
                f"(it has: {', '.join(map(repr, sorted(set(panel.territories))[:5]))}, ...)."
            )
        share = panel.size[at] / panel.size[at].sum() if not territory else 1.0 / max(len(at), 1)
        for s, part in zip(at, np.broadcast_to(share, at.shape), strict=True):
            found[int(s)] = found.get(int(s), 0.0) + spent * float(part)
    order = tuple(sorted(found))
    return order, tuple(str(names[s]) for s in order), np.array([found[s] for s in order])


def _driver(label: str, rows: pd.DataFrame, panel: Panel) -> tuple[str, str]:
    names = _column(rows, "driver", "").unique()
    if len(names) != 1:
        raise ExperimentError(
            f"Experiment {label} names {len(names)} drivers; expected one: give each its own "
            "experiment_id."
        )
    kinds = [kind for kind in _column(rows, "kind", "").unique() if kind]
    found = [d for d in panel.drivers if d.name == names[0] and (not kinds or d.kind in kinds)]
    if len(found) != 1:
        raise ExperimentError(
            f"Experiment {label} tests the driver {names[0]!r}"
            + (f" of kind {kinds[0]!r}" if kinds else "")
            + f", which the panel holds {len(found)} times (it has: "
            f"{', '.join(sorted(f'{d.kind} {d.name}' for d in panel.drivers))}); correct it."
        )
    return found[0].kind, found[0].name


def _day(label: str, rows: pd.DataFrame, column: str) -> pd.Timestamp:
    days = pd.to_datetime(rows[column], errors="coerce").dt.normalize()
    if days.isna().any() or days.nunique() != 1:
        raise ExperimentError(
            f"Experiment {label} has {', '.join(map(repr, rows[column].unique()[:3]))} in "
            f"{column}; expected one calendar day in all its rows."
        )
    return days.iloc[0]


def _word(
    label: str, rows: pd.DataFrame, column: str, allowed: tuple[str, ...], default: str
) -> str:
    words = _column(rows, column, default).unique()
    if len(words) != 1 or words[0] not in (*allowed, default):
        raise ExperimentError(
            f"Experiment {label} has {', '.join(map(repr, words[:3]))} in {column}; expected one "
            f"of {', '.join(allowed)} in all its rows."
        )
    return str(words[0])


def _column(rows: pd.DataFrame, column: str, default: str) -> pd.Series:
    if column not in rows:
        return pd.Series([default] * len(rows), index=rows.index, dtype=object)
    text = rows[column].astype(object).where(rows[column].notna(), default).astype(str)
    return text.str.strip().where(text.str.strip() != "", default)


def _numbers(label: str, rows: pd.DataFrame, column: str) -> Floats:
    if column not in rows:
        return np.full(len(rows), np.nan)
    found: Floats = pd.to_numeric(rows[column], errors="coerce").to_numpy(dtype=np.float64)
    given = (
        rows[column].notna().to_numpy() & (rows[column].astype(str).str.strip() != "").to_numpy()
    )
    bad = given & ~np.isfinite(found)
    if bad.any():
        raise ExperimentError(
            f"Experiment {label} has {str(rows[column].iloc[int(np.argmax(bad))])!r} in {column}; "
            "expected a finite number."
        )
    return found
