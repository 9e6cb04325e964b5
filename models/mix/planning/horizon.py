"""Dates after the fitted window: their drivers, and the model's columns there in fitted units."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from models.errors import (
    DateGapError,
    EmptyFrameError,
    MissingColumnError,
    UnknownKindError,
)
from models.mix.design.baseline import Column, Design, build_design, window_offset
from models.mix.design.priors import Entry
from models.mix.design.response import Response
from models.mix.engine.effects import State
from models.mix.frames import GRAIN_DAYS, Floats, checked, next_date, window
from models.mix.panel import Driver, MixInputs, Panel, read_drivers, read_holidays
from models.mix.posterior import Posterior
from models.mix.result import Estimate

_KEY = ("date_day", "territory_id", "kind", "driver")
_SHOWN = 3


@dataclass(frozen=True)
class Horizon:
    """The model over the dates that follow its window.

    `panel` holds those dates (H of them); its drivers keep the whole past before them, so that
    exposure carries over. `posterior` has the columns of the fitted one, in its order and units.
    `notes` say in words what a reader must know of these dates.
    """

    panel: Panel
    posterior: Posterior
    notes: tuple[str, ...]

    def states(self, estimate: Estimate) -> tuple[State, ...]:
        """Drivers over these dates at every joint draw; sizes are those of the fitted window."""
        out = []
        for theta, fitted in zip(estimate.drawn.theta, estimate.drawn.states, strict=True):
            found = self.posterior.response.forward(self.posterior.raw(theta))
            # Shares are of the fitted window: what carries over is the coefficient.
            half: Any = found.filled.astype(np.float32)
            out.append(State(found.carried[:0], half, fitted.scale, found.mean))
        return tuple(out)


def read_horizon(estimate: Estimate, release: MixInputs, *, align: bool = False) -> Horizon:
    """The model over a release's dates after the fitted window.

    Args:
        release: drivers and controls of future dates; its outcome is not looked at. Rows of the
            fitted window are left out and noted.
        align: move weekly dates back to the weekday of the window (a week that starts on Friday
            counts as the week of the Monday before).

    Raises:
        DateGapError: dates do not follow the window, lie on another weekday, or are missing.
        MissingColumnError: drivers or controls that the model has are not there; all are named.
        ModelInputError: what reading a release raises.
    """
    panel = estimate.panel
    release, notes = _following(panel, release, align)
    days = [release.drivers["date_day"]]
    dates = window(pd.concat(days), "drivers of future dates", panel.grain)
    follows = next_date(panel.dates[-1], panel.grain)
    if dates[0] != follows:
        raise DateGapError(
            f"The future begins on {dates[0].date()}, but the model's window ends on "
            f"{panel.dates[-1].date()} and carry-over must not skip a date: give the drivers from "
            f"{follows.date()} on."
        )
    idle = {(driver.kind, driver.name) for driver in estimate.idle}
    _complete(panel, release, dates, idle)
    names = (
        pd.MultiIndex.from_arrays([panel.territories, panel.products])
        if panel.has_products
        else pd.Index(panel.territories)
    )
    known = {(driver.kind, driver.name) for driver in panel.drivers}
    given = list(zip(release.drivers["kind"], release.drivers["driver"], strict=True))
    new = sorted({key for key in given if key not in known})
    if new:
        keep = np.array([key in known for key in given])
        release = replace(release, drivers=release.drivers[keep])
        listed = ", ".join(f"{kind} {name}" for kind, name in new[:_SHOWN])
        notes += (f"not in the fitted model, so without effect: {listed} ({len(new)} drivers)",)
    if release.drivers.empty:
        raise EmptyFrameError("The future holds none of the drivers of the model; give them.")
    found = {(d.kind, d.name): d for d in read_drivers(release, dates, names, panel.people)}
    drivers = tuple(
        _joined(driver, found.get((driver.kind, driver.name)), len(dates))
        for driver in panel.drivers
    )
    notes += _surprises(drivers, len(dates), idle)
    holidays, said = _holidays(estimate, release, dates)
    future = replace(
        panel,
        dates=dates,
        ticks=np.zeros((len(panel.territories), len(dates)), dtype=np.int64),
        drivers=drivers,
        holidays=holidays,
    )
    posterior, unseen = extended(estimate, future)
    if unseen:
        notes += (f"holidays the window did not have, so without effect: {', '.join(unseen)}",)
    return Horizon(future, posterior, notes + said)


def extended(estimate: Estimate, future: Panel) -> tuple[Posterior, list[str]]:
    """The posterior's columns over `future`, in fitted units; holidays it does not know."""
    fitted = estimate.posterior
    drivers = {(d.kind, d.name): d for d in future.drivers}
    entries = tuple(
        _longer(entry, drivers[entry.driver.kind, entry.driver.name], estimate)
        for entry in fitted.response.entries
    )
    response = Response(future, entries, estimate.spec)
    # An effect that drifts stays where it was on the last date.
    last = np.repeat(fitted.response.shared_parts.modulators[:, -1:], len(future.dates), axis=1)
    response.shared = tuple(
        replace(part, modulator=None)
        if part.modulator is None
        else replace(part, modulator=np.repeat(part.modulator[-1:], len(future.dates)))
        for part in fitted.response.shared
    )
    response.shared_parts = fitted.response.shared_parts._replace(modulators=last)
    design, unseen = _longer_design(estimate, future, drivers)
    posterior = Posterior(future, response, design, noise=fitted.noise, spec=estimate.spec)
    return posterior, unseen


def _following(panel: Panel, release: MixInputs, align: bool) -> tuple[MixInputs, tuple[str, ...]]:
    """Rows after the window, on its weekday, and what was left out."""
    if release.grain != panel.grain:
        raise UnknownKindError(
            f"The future is in the grain {release.grain!r}, the model in {panel.grain!r}; sum or "
            "split the plan to the model's grain."
        )
    frames = {"drivers": checked(release.drivers, "drivers of future dates", _KEY)}
    if release.controls is not None and not release.controls.empty:
        columns = ("date_day", "territory_id", "control", "value")
        frames["controls"] = checked(release.controls, "controls of future dates", columns)
    notes: tuple[str, ...] = ()
    last = panel.dates[-1]
    for name, frame in frames.items():
        days = frame["date_day"]
        away = (days - last).dt.days % 7 if panel.grain == "week" else days.dt.day * 0
        if (away != 0).any() and not align:
            row = int(np.argmax(away != 0))
            raise DateGapError(
                f"The frame {name} of future dates has {days.iloc[row].date()}, a "
                f"{days.iloc[row].day_name()}; the model's weeks are dated on "
                f"{last.day_name()}s (its last is {last.date()}). Date the future the same way, "
                "or say align=True (--align) to count each week as the one of the "
                f"{last.day_name()} before it."
            )
        if (away != 0).any():
            notes += (f"{name}: dates moved back to the {last.day_name()} before",)
            days = days - pd.to_timedelta(away, unit="D")
        past = days <= last
        if past.all():
            raise EmptyFrameError(
                f"The frame {name} of future dates ends on {days.max().date()}, within the model's "
                f"window (to {last.date()}); give dates from "
                f"{next_date(last, panel.grain).date()} on."
            )
        if past.any():
            notes += (f"{name}: {int(past.sum())} rows up to {last.date()} left out",)
        frames[name] = frame.assign(date_day=days)[~past].reset_index(drop=True)
    out = replace(release, drivers=frames["drivers"], controls=frames.get("controls"))
    return out, notes


def _complete(
    panel: Panel, release: MixInputs, dates: pd.DatetimeIndex, idle: set[tuple[str, str]]
) -> None:
    """Raise where a driver or control of the model is missing in any date, all of them named."""
    drivers, controls = release.drivers, release.controls
    given: dict[tuple[str, str], pd.Series] = {
        (str(kind), str(name)): rows["date_day"]
        for (kind, name), rows in drivers.groupby(["kind", "driver"])
    }
    if controls is not None and not controls.empty:
        given |= {
            ("control", str(name)): rows["date_day"] for name, rows in controls.groupby("control")
        }
    lacking = []
    for driver in panel.drivers:
        key = (driver.kind, driver.name)
        if key in idle and key not in given:
            continue
        days = pd.DatetimeIndex(given[key].unique()) if key in given else dates[:0]
        gone = dates.difference(days)
        if len(gone):
            several = f" to {gone[-1].date()} ({len(gone)} dates)" if len(gone) > 1 else ""
            lacking.append(f"{driver.kind} {driver.name}: {gone[0].date()}{several}")
    if lacking:
        raise MissingColumnError(
            f"The future lacks {len(lacking)} of the model's drivers and controls: "
            f"{'; '.join(lacking)}. Give each of them on every future date, zero where it will "
            "not run."
        )


def _joined(driver: Driver, future: Driver | None, dates: int) -> Driver:
    """A driver with its future after its past; an idle one may have no future."""
    count = len(driver.exposure)
    none = np.zeros((count, dates))
    if driver.frequency is not None and future is not None and future.frequency is None:
        raise MissingColumnError(
            f"The future of {driver.kind} {driver.name} lacks the column frequency, by which the "
            "model saturates it; give how often those reached will meet it."
        )
    return replace(
        driver,
        exposure=np.hstack([driver.exposure, none if future is None else future.exposure]),
        per_head=np.hstack([driver.per_head, none if future is None else future.per_head]),
        frequency=None
        if driver.frequency is None
        else np.hstack([driver.frequency, _often(future, none)]),
        spend=none if future is None else future.spend,
        spend_cents=0 if future is None else future.spend_cents,
        negative_cells=0 if future is None else future.negative_cells,
    )


def _often(future: Driver | None, none: Floats) -> Floats:
    """Frequency of future dates; none where an idle driver has no future."""
    return none if future is None or future.frequency is None else future.frequency


def _surprises(
    drivers: tuple[Driver, ...], dates: int, idle: set[tuple[str, str]]
) -> tuple[str, ...]:
    notes = []
    for driver in drivers:
        label = f"{driver.kind} {driver.name}"
        past, ahead = np.abs(driver.per_head[:, :-dates]), np.abs(driver.per_head[:, -dates:])
        if (driver.kind, driver.name) in idle:
            if np.ptp(driver.per_head, axis=1).any() and ahead.any():
                notes.append(f"{label} never moved in the window: its future effect is unknown, 0")
        elif ahead.max() > 1.001 * past.max():
            notes.append(
                f"{label} goes to {ahead.max() / past.max():.2f} times the most it ever was: "
                "beyond that its curve is an assumption"
            )
        if driver.negative_cells:
            notes.append(f"{label}: {driver.negative_cells} negative exposures read as zero")
    return tuple(notes)


def _holidays(
    estimate: Estimate, release: MixInputs, dates: pd.DatetimeIndex
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Landed holidays of window and future together."""
    landed, given = estimate.panel.holidays, read_holidays(release.holidays)
    both = landed
    if len(given):
        both = pd.concat([landed, given]).drop_duplicates(ignore_index=True)
    if not landed.empty and not (both["date_day"] >= dates[0]).any():
        return both, ("no holidays are known for the future: give them",)
    return both, ()


def _longer(entry: Entry, driver: Driver, estimate: Estimate) -> Entry:
    """A transformed driver over past and future, in the unit of the fitted window."""
    ahead = driver.per_head.shape[1] - entry.exposure.shape[1]
    new = driver.per_head[:, driver.per_head.shape[1] - ahead :]
    if entry.settings.saturation == "none":
        new = new - window_offset(entry.driver, estimate.panel, estimate.spec)
    exposure = np.ascontiguousarray(np.hstack([entry.exposure, new / entry.unit]))
    return replace(entry, driver=driver, exposure=exposure)


def _longer_design(
    estimate: Estimate, future: Panel, drivers: dict[tuple[str, str], Driver]
) -> tuple[Design, list[str]]:
    panel, fitted, spec = estimate.panel, estimate.posterior.design, estimate.spec
    past = {(d.kind, d.name): d for d in panel.drivers}
    count, dates = len(panel.territories), len(future.dates)
    calendar = _calendar(estimate, future)
    seasons = iter(calendar.shared[calendar.of("baseline", "season")])
    weekdays = iter(calendar.shared[calendar.of("baseline", "weekday")])
    holidays = {calendar.columns[i].driver: calendar.shared[i] for i in calendar.of("holiday")}
    origin = panel.dates[0]
    days = (panel.dates - origin).days.to_numpy(dtype=np.float64)
    ahead = (future.dates - origin).days.to_numpy(dtype=np.float64)

    def values(column: Column, was: Floats) -> Floats:
        if column.kind == "holiday":
            found: Floats | None = holidays.get(column.driver)
            return np.zeros((count, calendar.shared.shape[2])) if found is None else found
        if column.kind == "baseline" and column.driver == "season":
            return next(seasons)
        if column.kind == "baseline" and column.driver == "weekday":
            return next(weekdays)
        if column.kind == "baseline":
            moves = spec.baseline.trend == "local_level" and column.group == "trend"
            return _straight_on(was, days, ahead, moves=moves)
        key = (column.kind, column.driver)
        offset = window_offset(past[key], panel, spec)
        return column.of(drivers[key].per_head - offset)[:, -dates:]

    def laid(columns: tuple[Column, ...], was: Floats) -> Floats:
        out = np.empty((len(columns), count, dates))
        for i, column in enumerate(columns):
            out[i] = values(column, was[i])[:, :dates]
        return out

    shared = laid(fitted.columns, fitted.shared)
    own = laid(fitted.own_columns, fitted.own)
    known = {column.driver for column in fitted.columns if column.kind == "holiday"}
    unseen = sorted(n for n, at in holidays.items() if n not in known and at[:, :dates].any())
    return Design(shared, fitted.columns, own, fitted.own_columns), unseen


def _calendar(estimate: Estimate, future: Panel) -> Design:
    """Seasons, weekdays and holidays over the future (and on to two weeks, where it is shorter)."""
    seasons = len(estimate.posterior.design.of("baseline", "season")) // 2
    spec = estimate.spec.model_copy(
        update={"baseline": estimate.spec.baseline.model_copy(update={"season_order": seasons})}
    )
    dates = list(future.dates)
    while len(dates) * GRAIN_DAYS[future.grain] < 14:
        dates.append(next_date(dates[-1], future.grain))
    padded = replace(
        future,
        dates=pd.DatetimeIndex(dates),
        ticks=np.zeros((len(future.territories), len(dates)), dtype=np.int64),
    )
    return build_design(padded, (), spec)


def _straight_on(was: Floats, days: Floats, ahead: Floats, *, moves: bool) -> Floats:
    """A level or trend column (S, T) continued by its last slope; a finished move stays at 1."""
    if len(days) < 2:
        return np.repeat(was[:, -1:], len(ahead), axis=1)
    slope = (was[:, -1] - was[:, -2]) / (days[-1] - days[-2])
    out: Floats = was[:, -1:] + slope[:, None] * (ahead - days[-1])
    return np.clip(out, 0.0, 1.0) if moves else out
