"""Read-outs of experiments: checked against the panel, then likelihood terms on what was brought.

An experiment reads the difference that money made in treated territories inside its window. The
panel holds one side of it; the other is the driver's exposure without the money (where it was
added) or with it (where it was withheld), carried over and saturated by the same parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from models.errors import ExperimentError
from models.mix.engine.lift import Tests, lifts
from models.mix.experiment_rows import DONE, Experiment, group_rows
from models.mix.frames import Floats, next_date

if TYPE_CHECKING:
    from models.mix.design.response import Response
    from models.mix.problem import Problem

#: Days after which a read-out is no longer believed: what works in marketing changes.
EXPIRES_DAYS = 730
#: Two read-outs of a driver disagree beyond this many joint standard errors.
CONFLICT_ERRORS = 3.0
#: A read-out this much smaller than what is expected of the driver is in another unit.
_OTHER_UNIT = 1000.0
_SAME_EVERYWHERE = ("control", "price")


@dataclass(frozen=True)
class ReadOut:
    """One experiment: what money for driver `at` made of a difference, with its standard error.

    `worth` (S, T) is what a relative unit is worth in the outcome's unit in treated cells, 0
    elsewhere. `effect` and `error` are in the outcome's unit. `toward` is 1 where the panel has the
    money in (added), -1 where it has not (withheld). `other` (n, B + T) is the exposure of `series`
    on the other side, in units of the driver; without series the read-out is of all that the
    driver brought there. `at` -1: a driver whose coefficients are linear, those of the design's
    `columns`, each of which brought its coefficient times its slope of `slopes`.
    """

    name: str
    at: int
    worth: Floats
    effect: float
    error: float
    toward: float = 1.0
    series: tuple[int, ...] = ()
    other: Floats | None = None
    columns: tuple[int, ...] = ()
    slopes: tuple[float, ...] = ()


@dataclass(frozen=True)
class Reading:
    """An experiment's `use`: calibrate, compare, conflicting, expired or skipped; and why."""

    experiment: str
    kind: str
    driver: str
    use: str
    text: str
    read_out: ReadOut | None = None


def read_experiments(frame: pd.DataFrame, problem: Problem) -> tuple[ReadOut, ...]:
    """The read-outs of a frame that calibrate the drivers of a problem.

    Args:
        frame: a row an experiment and territory: experiment_id, driver, starts_on, ends_on (last
            day, included), effect, effect_se; further kind, territory_id (empty: all), arm
            (treated, control), spend added or withheld, currency_code, status (done counts), use
            (calibrate, compare), contrast (added, withheld, all).

    Raises:
        ExperimentError: an experiment outside the panel, in another unit, or without what it needs.
    """
    return calibrating(examine(frame, problem))


def as_readings(
    given: pd.DataFrame | tuple[ReadOut, ...] | None, problem: Problem
) -> tuple[Reading, ...]:
    """A table of experiments, or read-outs, as readings; raises as `read_experiments`."""
    if isinstance(given, pd.DataFrame):
        return examine(given, problem)
    readings = []
    for test in given or ():
        driver = problem.entries[test.at].driver
        readings.append(
            Reading(test.name, driver.kind, driver.name, "calibrate", "is read as given", test)
        )
    return tuple(readings)


def calibrating(readings: tuple[Reading, ...]) -> tuple[ReadOut, ...]:
    """The read-outs that go into the likelihood."""
    return tuple(r.read_out for r in readings if r.use == "calibrate" and r.read_out is not None)


def examine(frame: pd.DataFrame, problem: Problem) -> tuple[Reading, ...]:
    """What becomes of every experiment of a frame; raises as `read_experiments`."""
    panel = problem.panel
    end = next_date(panel.dates[-1], panel.grain) - pd.Timedelta(days=1)
    readings = []
    for test in group_rows(frame, panel):
        if test.status != DONE:
            text = f"is {test.status}: only those done and read calibrate"
            readings.append(Reading(test.label, test.kind, test.driver, "skipped", text))
        elif test.effect is None:
            text = "is done but has no effect yet: record effect and effect_se once read"
            readings.append(Reading(test.label, test.kind, test.driver, "skipped", text))
        elif test.ends_on < panel.dates[0]:
            text = f"ended on {test.ends_on.date()}, before the window: it says nothing of it"
            readings.append(Reading(test.label, test.kind, test.driver, "expired", text))
        else:
            readings.append(_read(test, problem, end))
    return _conflicts(tuple(readings), problem)


def _read(test: Experiment, problem: Problem, end: pd.Timestamp) -> Reading:
    panel = problem.panel
    if test.starts_on < panel.dates[0] or test.ends_on > end:
        raise ExperimentError(
            f"Experiment {test.label} runs from {test.starts_on.date()} to {test.ends_on.date()}, "
            f"outside the panel ({panel.dates[0].date()} to {end.date()}); widen the panel, or "
            "leave the experiment out."
        )
    idle = {(d.kind, d.name) for d in problem.idle}
    if (test.kind, test.driver) in idle:
        text = f"tests {test.driver}, which never moves in the panel and is left out of the model"
        return Reading(test.label, test.kind, test.driver, "skipped", text)
    if not test.series:
        raise ExperimentError(
            f"Experiment {test.label} has no treated territory; say arm treated in one at least."
        )
    if test.spend.sum() > 0 and test.contrast != "all" and _by_frequency(test, problem):
        text = (
            f"is of money for {test.driver}, a driver of reach and frequency, of which the other "
            "side of a test is not known: give `contrast: all` if it read all that it brought"
        )
        return Reading(test.label, test.kind, test.driver, "skipped", text)
    read_out, how = _read_out(test, problem)
    _unit(test, read_out, problem)
    use, text = test.use, how
    if (end - test.ends_on).days > EXPIRES_DAYS:
        use, text = "expired", f"{how}; it is older than {EXPIRES_DAYS} days"
    elif use == "calibrate" and not _signed(problem, read_out):
        use = "compare"
        text = (
            f"{how}; {test.driver} has a coefficient of either sign, which a read-out does not "
            "calibrate: give the driver `sign: positive` (or negative)"
        )
    return Reading(test.label, test.kind, test.driver, use, text, read_out)


def _by_frequency(test: Experiment, problem: Problem) -> bool:
    return any(
        e.settings.saturation == "frequency"
        for e in problem.entries
        if (e.driver.kind, e.driver.name) == (test.kind, test.driver)
    )


def _signed(problem: Problem, read_out: ReadOut) -> bool:
    return read_out.at >= 0 and problem.entries[read_out.at].sign != 0


def _read_out(test: Experiment, problem: Problem) -> tuple[ReadOut, str]:
    panel, series = problem.panel, np.array(test.series)
    part = _days_inside(test, problem)
    worth = np.zeros(panel.ticks.shape)
    worth[series] = panel.money[series, None] * part
    at = next(
        (
            i
            for i, e in enumerate(problem.entries)
            if (e.driver.kind, e.driver.name) == (test.kind, test.driver)
        ),
        -1,
    )
    driver = next(d for d in panel.drivers if (d.kind, d.name) == (test.kind, test.driver))
    contrast = test.contrast or _contrast(test, driver.spend, part)
    ahead = driver.per_head.shape[1] - len(panel.dates)
    per_head = driver.per_head[series]
    step = np.zeros_like(per_head)  # what the money is in exposure, in treated series
    if contrast != "all":
        step[:, ahead:] = _step(test, driver.spend, per_head[:, ahead:], part, contrast)
    toward = -1.0 if contrast == "withheld" else 1.0
    effect, error = float(test.effect or 0.0), float(test.error or 0.0)
    variance = error**2 + _differences(test, problem, at, part, effect)
    how = {
        "added": f"money added ({test.spend.sum():,.0f})",
        "withheld": f"money withheld ({test.spend.sum():,.0f})",
        "all": "all that the driver brought",
    }[contrast]
    bare = ReadOut(test.label, at, worth, effect, float(np.sqrt(variance)), toward)
    if at < 0:
        columns = tuple(int(i) for i in problem.design.of(test.kind, test.driver))
        slopes = []
        for i in columns:
            column, values = problem.design.columns[i], problem.design.shared[i]
            if contrast != "all":
                values = np.zeros_like(values)
                values[series] = column.of(step)[:, ahead:]
            slopes.append(float((worth * values).sum()))
        return replace(bare, columns=columns, slopes=tuple(slopes)), how
    if contrast == "all":
        return bare, how
    entry = problem.entries[at]
    other = entry.exposure[series] - toward * step / entry.unit
    return replace(bare, series=test.series, other=other), how


def _days_inside(test: Experiment, problem: Problem) -> Floats:
    """Share of every date's days that lie in the window of the test, (T,)."""
    panel = problem.panel
    ends = [next_date(day, panel.grain) for day in panel.dates]
    after = test.ends_on + pd.Timedelta(days=1)
    return np.array(
        [
            max((min(end, after) - max(day, test.starts_on)).days, 0) / (end - day).days
            for day, end in zip(panel.dates, ends, strict=True)
        ]
    )


def _contrast(test: Experiment, spend: Floats, part: Floats) -> str:
    """Whether the money was added or withheld: by what the driver cost then and else, there.

    Where control territories are in the panel their spend in the window, over their usual, says
    how much would have been usual in the treated ones.
    """
    if test.spend.sum() <= 0 or spend.sum() <= 0:
        return "all"
    series, controls = list(test.series), list(test.controls)
    inside = float((spend[series] * part).sum())
    usual = _usual(spend[series], part)
    if controls and _usual(spend[controls], part) > 0:
        usual *= float((spend[controls] * part).sum()) / _usual(spend[controls], part)
    if test.spend.sum() > 1.05 * inside:
        return "withheld"
    return "added" if inside >= usual else "withheld"


def _usual(spend: Floats, part: Floats) -> float:
    outside = 1.0 - part
    return float((spend * outside).sum() / max(outside.sum(), 1e-9) * part.sum())


def _step(test: Experiment, spend: Floats, per_head: Floats, part: Floats, contrast: str) -> Floats:
    """Exposure per head that the money bought (added) or would have bought, (n, T)."""
    out = np.zeros_like(per_head)
    for i, s in enumerate(test.series):
        money = float(test.spend[i])
        if contrast == "added":
            inside = float((spend[s] * part).sum())
            out[i] = per_head[i] * part * (min(money / inside, 1.0) if inside > 0 else 0.0)
            continue
        cost = float((spend[s] * (1.0 - part)).sum())
        if money > 0 and cost <= 0:
            raise ExperimentError(
                f"Experiment {test.label} withheld money in {test.territories[i]!r}, where "
                f"{test.driver} never ran outside its window: what it would have bought is not "
                "known; leave that territory out."
            )
        rate = float((per_head[i] * (1.0 - part)).sum()) / cost if cost > 0 else 0.0
        out[i] = money * rate * part / part.sum()
    return out


def _differences(test: Experiment, problem: Problem, at: int, part: Floats, effect: float) -> float:
    """Variance because the treated territories and dates are not all: (spread x effect)^2 / n.

    n is the number of treated series, by size. A drifting effect adds what it may have moved.
    """
    panel, spec = problem.panel, problem.spec
    out = 0.0
    if len(panel.territories) > 1 and test.kind not in _SAME_EVERYWHERE:
        size = panel.size[list(test.series)]
        out += (spec.territory_spread * effect) ** 2 * float((size**2).sum() / size.sum() ** 2)
    if at >= 0 and problem.entries[at].settings.drifts:
        for move in _response(problem).shared:
            if move.part == "drift" and move.first == at and move.modulator is not None:
                mean = float((move.modulator * part).sum() / part.sum())
                out += (mean * move.column.width * effect) ** 2
    return out


def _response(problem: Problem) -> Response:
    return problem.posterior().response


def expected(problem: Problem, read_out: ReadOut) -> float:
    """What the priors' centres say an experiment should have read; 0 where they have no sign."""
    if not _signed(problem, read_out):
        return 0.0
    posterior = problem.posterior(experiments=(read_out,))
    raw = posterior.raw(np.zeros(posterior.size))
    state = posterior.response.forward(raw)
    found: float = lifts(raw, posterior.response.drivers, state, posterior.problem.tests)[0]
    return found


def _unit(test: Experiment, read_out: ReadOut, problem: Problem) -> None:
    """Refuse a read-out in another unit than the outcome."""
    sold = float(np.abs(problem.panel.outcome * (read_out.worth > 0)).sum())
    most = abs(read_out.effect) - 3.0 * float(test.error or 0.0)
    usual = abs(expected(problem, read_out))
    least = abs(read_out.effect) + 3.0 * float(test.error or 0.0)
    if most > sold:
        raise ExperimentError(
            f"Experiment {test.label} has an effect of {read_out.effect:,.6g}, more than the "
            f"{sold:,.6g} {problem.panel.currency} that its territories sold in its window; give "
            "effect and effect_se in the unit of the outcome."
        )
    if least < usual / _OTHER_UNIT:
        raise ExperimentError(
            f"Experiment {test.label} has an effect of {read_out.effect:,.6g} with a standard "
            f"error of {test.error:,.6g}, less than a thousandth of the {usual:,.6g} "
            f"{problem.panel.currency} expected of {test.driver}; give both in the unit of the "
            "outcome, not in thousands or millions."
        )


def _conflicts(readings: tuple[Reading, ...], problem: Problem) -> tuple[Reading, ...]:
    """Tests of one driver that disagree are not used: which is right the model cannot know.

    Read-outs of different windows are compared as multiples of what the priors' centres expect.
    """
    scaled = {
        i: (r.read_out.effect / size, abs(r.read_out.error / size))
        for i, r in enumerate(readings)
        if r.use == "calibrate" and r.read_out is not None
        if (size := expected(problem, r.read_out)) != 0
    }
    out = list(readings)
    for i, (one, one_error) in scaled.items():
        for j, (two, two_error) in scaled.items():
            a, b = readings[i], readings[j]
            if i == j or (a.kind, a.driver) != (b.kind, b.driver):
                continue
            away = abs(one - two) / float(np.hypot(one_error, two_error))
            if away > CONFLICT_ERRORS:
                text = (
                    f"{a.text}; it disagrees with {b.experiment} by {away:.1f} joint standard "
                    "errors: neither is used; cancel the one that was run badly"
                )
                out[i] = replace(a, use="conflicting", text=text)
    return tuple(out)


def as_tests(experiments: tuple[ReadOut, ...], response: Response) -> Tests:
    """Read-outs as the arrays of the likelihood."""
    drivers = response.drivers
    length = drivers.exposure.shape[2]
    shape = (len(experiments), response.count, response.dates)
    rows = [(e, i, s) for e, test in enumerate(experiments) for i, s in enumerate(test.series)]
    other, start = np.zeros((len(rows), 1, length)), np.zeros((len(rows), 1))
    for r, (e, i, s) in enumerate(rows):
        exposure = experiments[e].other
        assert exposure is not None
        start[r, 0] = drivers.start[experiments[e].at, s]
        other[r, 0] = start[r, 0]
        other[r, 0, length - exposure.shape[1] :] = exposure[i]
    return Tests(
        at=np.array([e.at for e in experiments], dtype=np.int64),
        worth=np.array([e.worth for e in experiments], dtype=np.float64).reshape(shape),
        effect=np.array([e.effect for e in experiments], dtype=np.float64),
        error=np.array([e.error for e in experiments], dtype=np.float64),
        toward=np.array([e.toward for e in experiments], dtype=np.float64),
        test=np.array([e for e, _, _ in rows], dtype=np.int64),
        series=np.array([s for _, _, s in rows], dtype=np.int64),
        other=other,
        start=start,
    )
