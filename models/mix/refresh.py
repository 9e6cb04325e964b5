"""A result on newer data: what it now says of the old window, and why it says something else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from models.errors import ModelInputError
from models.mix.attribution import attribute, draw_jointly
from models.mix.classical import fit_classical
from models.mix.engine.sampler import find_mode
from models.mix.experiments import ReadOut, as_readings, calibrating
from models.mix.frames import Floats
from models.mix.model import MixModel, settle
from models.mix.panel import Driver, MixInputs, Panel, read_panel
from models.mix.posterior import Posterior
from models.mix.problem import pose
from models.mix.result import MixResult
from models.mix.spec import MixSpec

#: A move of history beyond this share of the old window's outcome is flagged.
THRESHOLD = 0.01
Key = tuple[str, str]


@dataclass(frozen=True)
class Refresh:
    """A new result beside the old one.

    `moves`: kind, driver, before, after (contribution over the dates both windows have), moved,
    by_restated, by_new_data, by_changed_model, by_experiments, by_sampling, is_flagged, cause; the
    five parts sum to moved. `restated`: date_day, territory_id[, product_id], what, before, after:
    cells that the new data changed. `appended`, `dropped`: dates only one of the windows has.
    """

    result: MixResult
    moves: pd.DataFrame
    restated: pd.DataFrame
    appended: pd.DatetimeIndex
    dropped: pd.DatetimeIndex


def refresh(
    result: MixResult,
    release: MixInputs | Panel,
    *,
    spec: MixSpec | None = None,
    experiments: pd.DataFrame | tuple[ReadOut, ...] | None = None,
    seed: int | None = None,
    threshold: float = THRESHOLD,
    progress: Callable[[str], None] | None = None,
) -> Refresh:
    """Fit newer data from the last posterior, and say which history moved and why.

    The fit has the priors of its settings and begins its climb at the last mode. Causes are told
    by fitting modes in steps, without experiments: the old data; with cells restated; with dates
    appended (or dropped); with the new settings. What the old experiments did to the first step and
    the new ones do to the last is `by_experiments`: zero where neither tells anything new. What is
    left between modes and the two results is `by_sampling`.

    Args:
        spec: new settings; None: the old ones.
        experiments: for the new fit, which knows none of the old one's; None: none.
        threshold: share of the old outcome by which a driver's contribution may move unflagged.

    Raises:
        ModelInputError: the new data cannot be read, or have other territories, products, grain or
            currency, or no date in common with the old.
    """
    if not 0 < threshold < 1:
        raise ModelInputError(f"The threshold is {threshold}; expected a share, as in 0.01.")
    old = result.estimate
    new = release if isinstance(release, Panel) else read_panel(release)
    _comparable(old.panel, new)
    told = spec or old.spec
    start = mode_of(old.posterior, old.mode.theta)
    begun = old.seed if seed is None else seed
    say = progress or (lambda _: None)
    fresh = MixModel(told).fit(new, experiments, begun, progress, start)
    common = old.panel.dates.intersection(new.dates)
    restated = restatements(old.panel, new)

    say("looking for what moved history")
    calibrated = old.posterior.experiments
    bare = _step(old.panel, old.spec, start, common)
    first = _step(old.panel, old.spec, start, common, calibrated) if calibrated else bare
    steps = [bare]
    corrected = old.panel if restated.empty else restate(old.panel, new)
    steps.append(steps[0] if restated.empty else _step(corrected, old.spec, start, common))
    same = len(common) == len(new.dates) == len(old.panel.dates) and _names(new) == _names(
        old.panel
    )
    usable = _without_strangers(old.spec, new)
    steps.append(steps[1] if same else _step(new, usable, start, common))
    steps.append(steps[2] if told == usable else _step(new, told, start, common))
    given = experiments is not None and len(experiments) > 0
    last = _step(new, told, start, common, experiments) if given else steps[3]
    before, after = _brought(result, common), _brought(fresh, common)
    outcome = abs(float(_part(old.panel, common).sum()))
    moves = _moves(before, after, [first, *steps, last], threshold * max(outcome, 1e-9))
    return Refresh(
        fresh,
        moves,
        restated,
        new.dates.difference(old.panel.dates),
        old.panel.dates.difference(new.dates),
    )


def mode_of(posterior: Posterior, theta: Floats) -> dict[tuple[str, str, str], float]:
    """Unbounded parameters by kind, driver and name, whatever their priors."""
    return dict(zip(posterior.names, posterior.raw(theta).tolist(), strict=True))


def restatements(old: Panel, new: Panel) -> pd.DataFrame:
    """Cells of outcome, exposure and spend that differ on dates both panels have."""
    common = old.dates.intersection(new.dates)
    here, there = old.dates.get_indexer(common), new.dates.get_indexer(common)
    frames = [_changed(old, common, "outcome", old.outcome[:, here], new.outcome[:, there])]
    drivers = {(d.kind, d.name): d for d in new.drivers}
    for driver in old.drivers:
        other = drivers.get((driver.kind, driver.name))
        if other is None:
            continue
        label = f"{driver.kind} {driver.name}"
        pairs = (
            (label, _window(driver, old)[:, here], _window(other, new)[:, there]),
            (f"{label} spend", driver.spend[:, here], other.spend[:, there]),
        )
        if driver.frequency is not None and other.frequency is not None:
            was, now = (_last(x.frequency, p) for x, p in ((driver, old), (other, new)))
            frames.append(_changed(old, common, f"{label} frequency", was[:, here], now[:, there]))
        frames += [_changed(old, common, what, was, now) for what, was, now in pairs]
    return pd.concat(frames, ignore_index=True)


def _changed(
    panel: Panel, dates: pd.DatetimeIndex, what: str, was: Floats, now: Floats
) -> pd.DataFrame:
    s, t = np.nonzero(~np.isclose(was, now, rtol=1e-9, atol=1e-9))
    frame = pd.DataFrame(
        {
            "date_day": dates[t],
            "territory_id": np.array(panel.territories, object)[s],
            "product_id": np.array(panel.products, object)[s],
            "what": what,
            "before": was[s, t],
            "after": now[s, t],
        }
    ).sort_values(["date_day", "territory_id"], ignore_index=True)
    return frame if panel.has_products else frame.drop(columns="product_id")


def restate(old: Panel, new: Panel) -> Panel:
    """The old panel with the new one's cells on dates that both have."""
    common = old.dates.intersection(new.dates)
    here, there = old.dates.get_indexer(common), new.dates.get_indexer(common)
    ticks = old.ticks.copy()
    ticks[:, here] = new.ticks[:, there]
    found = {(d.kind, d.name): d for d in new.drivers}
    drivers = []
    for driver in old.drivers:
        other = found.get((driver.kind, driver.name))
        if other is None:
            drivers.append(driver)
            continue
        ahead = driver.exposure.shape[1] - len(old.dates)
        exposure, per_head = driver.exposure.copy(), driver.per_head.copy()
        spend = driver.spend.copy()
        exposure[:, ahead + here] = _window(other, new)[:, there]
        per_head[:, ahead + here] = other.per_head[:, -len(new.dates) :][:, there]
        spend[:, here] = other.spend[:, there]
        often = driver.frequency
        if often is not None and other.frequency is not None:
            often = often.copy()
            often[:, ahead + here] = _last(other.frequency, new)[:, there]
        drivers.append(
            replace(driver, exposure=exposure, per_head=per_head, spend=spend, frequency=often)
        )
    # Its units stay: only what was restated may move a contribution in this step.
    return replace(old, ticks=ticks, drivers=tuple(drivers))


def _window(driver: Driver, panel: Panel) -> Floats:
    return _last(driver.exposure, panel)


def _last(values: Floats | None, panel: Panel) -> Floats:
    """The panel's dates of a driver's array, which may begin before them."""
    if values is None:
        return np.zeros(panel.ticks.shape)
    return values[:, values.shape[1] - len(panel.dates) :]


def _comparable(old: Panel, new: Panel) -> None:
    for what, was, now in (
        ("grain", old.grain, new.grain),
        ("currency", old.currency, new.currency),
        ("territories", old.territories, new.territories),
        ("products", old.products, new.products),
        ("decimals", old.decimals, new.decimals),
    ):
        if was != now:
            shown = [str(sorted(set(x)) if isinstance(x, tuple) else x)[:80] for x in (was, now)]
            raise ModelInputError(
                f"The new data have other {what} ({shown[1]}) than the result ({shown[0]}): "
                "history cannot be compared. Fit them afresh."
            )
    if not len(old.dates.intersection(new.dates)):
        raise ModelInputError(
            f"The new data ({new.dates[0].date()} to {new.dates[-1].date()}) have no date in "
            f"common with the result ({old.dates[0].date()} to {old.dates[-1].date()}): fit them "
            "afresh."
        )


def _names(panel: Panel) -> set[Key]:
    return {(driver.kind, driver.name) for driver in panel.drivers}


def _without_strangers(spec: MixSpec, panel: Panel) -> MixSpec:
    """The settings without drivers that the panel no longer has."""
    names = {driver.name for driver in panel.drivers}
    drivers = {name: one for name, one in spec.drivers.items() if name in names}
    pairs = tuple(pair for pair in spec.interactions if set(pair) <= names)
    if drivers == spec.drivers and pairs == spec.interactions:
        return spec
    return spec.model_copy(update={"drivers": drivers, "interactions": pairs})


def _step(
    panel: Panel,
    spec: MixSpec,
    start: dict[tuple[str, str, str], float],
    common: pd.DatetimeIndex,
    experiments: pd.DataFrame | tuple[ReadOut, ...] | None = None,
) -> dict[Key, float]:
    """Contributions over the common dates at the mode."""
    if spec.engine == "statsmodels":
        return _brought(fit_classical(panel, spec, 0), common)
    problem = pose(panel, spec)
    told = calibrating(as_readings(experiments, problem))
    posterior, theta = settle(problem, told, 1, np.random.default_rng(0), start)
    mode = find_mode(posterior, theta)
    drawn = draw_jointly(posterior, mode.theta[None], 0)
    at = panel.dates.get_indexer(common)
    return {
        (share.kind, share.driver): float(share.mean[:, at].sum())
        for share in attribute(posterior, drawn, problem.idle)
    }


def _brought(result: MixResult, common: pd.DatetimeIndex) -> dict[Key, float]:
    at = result.estimate.panel.dates.get_indexer(common)
    return {
        (share.kind, share.driver): float(share.mean[:, at].sum())
        for share in result.estimate.shares
    }


def _part(panel: Panel, common: pd.DatetimeIndex) -> Floats:
    out: Floats = panel.outcome[:, panel.dates.get_indexer(common)]
    return out


def _moves(
    before: dict[Key, float],
    after: dict[Key, float],
    steps: list[dict[Key, float]],
    limit: float,
) -> pd.DataFrame:
    rows = []
    causes = ("restated data", "new data", "changed model", "experiments", "sampling")
    for kind, driver in sorted({*before, *after}):
        key = (kind, driver)
        was, now = before.get(key, 0.0), after.get(key, 0.0)
        at = [step.get(key, 0.0) for step in steps]
        parts = [at[2] - at[1], at[3] - at[2], at[4] - at[3], (at[1] - at[0]) + (at[5] - at[4])]
        parts.append(now - was - sum(parts))
        flagged = abs(now - was) > limit
        cause = causes[int(np.argmax(np.abs(parts)))] if flagged else ""
        rows.append((kind, driver, was, now, now - was, *parts, flagged, cause))
    return pd.DataFrame(
        rows,
        columns=[
            *["kind", "driver", "before", "after", "moved", "by_restated", "by_new_data"],
            *["by_changed_model", "by_experiments", "by_sampling", "is_flagged", "cause"],
        ],
    )
