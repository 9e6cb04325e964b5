"""What one plan brings against another: differences with intervals, by driver.

The difference of two forecasts that were learned once. Its interval is that of the effect: the
regressions' effects are drawn, the weights of the mix are drawn, and everything else (the noise of
a day, the level of the chain) is the same under both plans.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecasting.calibrating import PATHS, draw
from forecasting.candidates import Candidate
from forecasting.effect_draws import EffectDraws, effect_draws
from forecasting.errors import PlanError
from forecasting.framed import At, forecast_at
from forecasting.grid import Floats
from forecasting.longframe import LaidOut
from forecasting.many import Rows, mean_weights, parts_of
from forecasting.media import Media
from forecasting.race import Progress, Race, field_of_candidates
from forecasting.replanning import Replanning, Under, differing
from forecasting.scenario_media import MediaChange
from forecasting.scenario_tables import Drawn, Parts, ScenarioRows
from forecasting.totals import Sums

#: Differing columns up to which every order of changing them is averaged (Shapley 1953); of more,
#: one order and its reverse.
EXACT_MOST = 3
#: Numbers held at once for draws.
_HELD = 4_000_000
#: Candidates whose effects of a plan are those of the regressions, or come on top of them.
PLANNED = frozenset(
    {
        "log_ols",
        "ets_yearly",
        "lightgbm",
        "chain_days",
        "prophet",
        "unobserved_components",
        "sarimax",
    }
)


@dataclass(frozen=True)
class ScenarioResult:
    """`table`: one row a plan, level, member, driver and span (docs/reference/forecast.md);
    `facts`: weights, what differs, how parts were split."""

    table: pd.DataFrame
    facts: dict[str, Any]


def compare_plans(
    plans: Mapping[str, LaidOut],
    *,
    seed: int = 0,
    country: str | None = None,
    candidates: Sequence[Candidate] | None = None,
    progress: Progress | None = None,
    media: Mapping[str, Media] | None = None,
    sums: Sums | None = None,
    most: int | None = None,
) -> ScenarioResult:
    """Differences of every other plan to the first one.

    Many series are compared in the parts that `forecasting.many` forecasts them in, one after the
    other: draws of a series go by its number in the frame, so sums over parts are whole.

    Args:
        plans: name -> the same history laid out with that plan; the first is what others are
            compared with.
        media: name -> what a mix result says of that plan; of all plans or of none.
        sums: levels and fiscal periods; scenarios are summed bottom-up.
        most: series of a part (`many.parts_of`).

    Raises:
        PlanError: fewer than two plans, or plans with different columns.
    """
    names, laid = list(plans), _alike(plans)
    first = laid[0]
    told = None if media is None else [media[name] for name in names]
    parts = parts_of(first.grid.ids, most)
    changes = [_Change(first, other) for other in laid[1:]]
    tables: list[ScenarioRows] = []
    facts: list[dict[str, Any]] = []
    learned: list[dict[str, Any]] = []
    for place, rows in enumerate(parts, start=1):
        if progress is not None and len(parts) > 1:
            progress(f"part {place} of {len(parts)}: {len(rows)} series")
        part = _Part(first, told, rows, len(parts) > 1)
        race = Race(part.grid, seed, country, candidates or field_of_candidates(), progress)
        at = forecast_at(race, 0, {}, numbers=rows)
        kinds = {str(k): int((at.told.kinds == k).sum()) for k in set(at.told.kinds)}
        learned.append({"weights": at.weights, "kinds": kinds})
        replanning = Replanning(race, at.told, at.weights, at.correction)
        draws: EffectDraws | None = None
        for number, change in enumerate(changes):
            columns, split = change.columns, change.split
            if columns and draws is None:
                draws = effect_draws(race.window(0), PATHS)
            if progress is not None:
                between = len(split.plans) - 1
                progress(
                    f"{names[number + 1]}: {len(columns)} columns differ, {between} plans between"
                )
            other = laid[number + 1].grid.plan[:, rows]
            unders = [
                replanning.under(_mixed_plan(part.grid.plan, other, columns, some))
                if some
                else replanning.own()
                for some in split.plans
            ]
            moved = part.media_change(number + 1, unders)
            pair = Between(replanning, split, unders, moved)
            own = pair.parts(first, columns)
            if place == 1:
                tables.append(ScenarioRows(first, own.drivers, own.same, sums or Sums()))
                facts.append(
                    {"plan": names[number + 1], "against": names[0], "differs": own.drivers,
                     "split": split.how}
                )  # fmt: skip
            blocks = _drawn(race, at, pair, draws, rows) if own.drivers else ()
            tables[number].take(rows, own, blocks)
    made = [
        rows.frame().assign(plan=name, against=names[0])
        for rows, name in zip(tables, names[1:], strict=True)
    ]
    table = pd.concat(made, ignore_index=True)
    front = ["plan", "against"]
    table = table[[*front, *(c for c in table.columns if c not in front)]]
    weights = learned[0]["weights"]
    if len(parts) > 1:
        weights = {
            kind: mean_weights(learned, kind)
            for kind in sorted({k for one in learned for k in one["kinds"]})
        }
    return ScenarioResult(
        table,
        {
            "freq": first.grid.freq,
            "series": len(first.grid.ids),
            "horizon": first.grid.ahead,
            "seed": seed,
            "paths": PATHS,
            "weights": weights,
            **({"parts": len(parts)} if len(parts) > 1 else {}),
            "plans": facts,
            "assumed": [
                {"plan": name, **vars(a)}
                for name, one in zip(names, laid, strict=True)
                for a in one.assumed
            ],
            "notes": list(dict.fromkeys(n for one in laid for n in one.notes)),
        },
    )


class _Change:
    """What a plan differs in, of the whole frame, and how that is shared out."""

    def __init__(self, first: LaidOut, other: LaidOut) -> None:
        self.columns = differing(first.grid.plan, other.grid.plan, first.grid.known)
        self.split = split_of(len(self.columns))


class _Part:
    """Some series of the frame: `grid` as it is raced, and what media say of each plan."""

    def __init__(
        self, laid: LaidOut, media: list[Media] | None, rows: Rows, is_one_of_many: bool
    ) -> None:
        self.grid = laid.grid.only(rows) if is_one_of_many else laid.grid
        self._whole = media
        self._many = is_one_of_many
        self._media = None
        if media is not None:
            self._media = [one.only(rows) for one in media] if is_one_of_many else media
            self.grid = self._media[0].without(self.grid)

    def media_change(self, number: int, unders: list[Under]) -> MediaChange | None:
        if self._media is None or self._whole is None:
            return None
        named = None
        if self._many:
            # What changes nowhere in this part may in another: all parts tell the same drivers.
            moved = np.abs(self._whole[number].ahead - self._whole[0].ahead)
            named = moved.max(axis=(1, 2)) > 0
        return MediaChange(self._media[0], self._media[number], unders, named)


def _alike(plans: Mapping[str, LaidOut]) -> list[LaidOut]:
    if len(plans) < 2:
        raise PlanError("A scenario compares plans: give two or more, the first to compare with.")
    names, laid = list(plans), list(plans.values())
    wanted = [c.name for c in laid[0].grid.columns]
    for name, one in zip(names[1:], laid[1:], strict=True):
        found = [c.name for c in one.grid.columns]
        if sorted(found) != sorted(wanted):
            odd = ", ".join(repr(c[:60]) for c in sorted(set(found) ^ set(wanted)))
            raise PlanError(
                f"The plans {names[0]} and {name} do not have the same columns ({odd}): give each "
                "column in both, unchanged where it stays."
            )
        if found != wanted:
            order = [found.index(c) for c in wanted]
            grid = one.grid
            columns = tuple(grid.columns[i] for i in order)
            grid = type(grid)(
                grid.ids, grid.dates, grid.y, grid.plan[order], columns, grid.freq, grid.season,
                grid.year,
            )  # fmt: skip
            laid[names.index(name)] = LaidOut(grid, one.keys, one.notes, one.assumed)
    return laid


@dataclass(frozen=True)
class Split:
    """`plans`: which of the differing columns each plan between has changed (the first: none);
    `parts` (k, plans): weights of those plans' forecasts that make each column's part, so that
    parts sum to the last plan less the first; `how`: in a word."""

    plans: list[tuple[int, ...]]
    parts: Floats
    how: str


def split_of(count: int) -> Split:
    """How the difference of plans with `count` differing columns is shared out.

    >>> split_of(1).parts
    array([[-1.,  1.]])
    """
    if count <= EXACT_MOST:
        plans = [some for size in range(count + 1) for some in combinations(range(count), size)]
        place = {some: number for number, some in enumerate(plans)}
        parts = np.zeros((count, len(plans)))
        for some in plans:
            share = (
                factorial(len(some)) * factorial(count - len(some) - 1) if len(some) < count else 0
            )
            for c in set(range(count)) - set(some):
                parts[c, place[tuple(sorted((*some, c)))]] += share / factorial(count)
                parts[c, place[some]] -= share / factorial(count)
        return Split(plans, parts, "shapley" if count > 1 else "one column")
    orders = [list(range(count)), list(range(count))[::-1]]
    plans = [()]
    place = {(): 0}
    parts = np.zeros((count, 2 * count))
    for order in orders:
        before: tuple[int, ...] = ()
        for c in order:
            after = tuple(sorted((*before, c)))
            if after not in place:
                place[after] = len(plans)
                plans.append(after)
            parts[c, place[after]] += 0.5
            parts[c, place[before]] -= 0.5
            before = after
    return Split(plans, parts, "one order and its reverse")


def _mixed_plan(one: Floats, other: Floats, columns: Sequence[int], some: Sequence[int]) -> Floats:
    plan = one.copy()
    for number in some:
        plan[columns[number]] = other[columns[number]]
    return plan


@dataclass(frozen=True)
class Between:
    """Forecasts `unders` of the plans in between, how they make parts, and what media change."""

    replanning: Replanning
    split: Split
    unders: list[Under]
    media: MediaChange | None

    @property
    def full(self) -> int:
        """Which of the plans has all columns changed."""
        return max(range(len(self.unders)), key=lambda v: len(self.split.plans[v]))

    def parts(self, laid: LaidOut, columns: Sequence[int]) -> Parts:
        """Means of the difference and of its parts; media are changed last."""
        bases = [self.replanning.mean(under) for under in self.unders]
        means = np.stack(
            [b if self.media is None else self.media.first(b, v) for v, b in enumerate(bases)]
        )
        raw = np.tensordot(self.split.parts, means, axes=1)
        changed = [laid.grid.columns[c].name for c in columns]
        drivers = [f"plan:{name}" for name in changed]
        same = [f"plan:{c.name}" for c in laid.grid.columns if c.name not in set(changed)]
        plan = means[self.full]
        if self.media is not None:
            plan = self.media.last(bases[self.full], self.full)
            brought = self.media.parts(plan - means[self.full], self.full)
            moved = self.media.changed(self.full)
            labels = self.media.labels
            drivers += [label for label, m in zip(labels, moved, strict=True) if m]
            same += [label for label, m in zip(labels, moved, strict=True) if not m]
            raw = np.concatenate([raw, brought[moved]])
        return Parts(drivers, raw, means[0], plan, same)


def _drawn(
    race: Race, at: At, between: Between, draws: EffectDraws | None, numbers: Rows
) -> Iterator[Drawn]:
    """(rows, (1 + k, rows, PATHS, H)) draws of the difference and of its parts.

    `numbers` (S,): the series' numbers in the frame.
    """
    S, H = at.mean.shape
    unders, media = between.unders, between.media
    base = unders[0]
    moved = np.flatnonzero(
        np.any([np.abs(u.design - base.design).max(axis=(0, 1)) > 0 for u in unders], axis=0)
    )
    tilt = _tilted(at, race.seed)
    told = replace(at.told, shut=np.zeros_like(at.told.shut))
    size = max(1, _HELD // (len(unders) * PATHS * H))
    for start in range(0, S, size):
        rows = np.arange(start, min(start + size, S))
        flat = np.ones_like(at.mean)
        noise = draw(flat, told, at.calibration, rows, race.seed, numbers).astype(float)
        noise /= np.maximum(noise.mean(axis=1, keepdims=True), 1e-9)
        shares = _shares(between.replanning, tilt, rows)
        off = np.zeros((len(rows), PATHS, 0)) if draws is None else draws.of(rows, moved, numbers)
        out = np.zeros((len(unders), len(rows), PATHS, H))
        for number, under in enumerate(unders):
            change = (under.design - base.design)[rows][:, :, moved if draws is not None else []]
            factor = np.exp(np.matmul(off, change.transpose(0, 2, 1)))
            for name, share in shares.items():
                mean = under.forecasts[name][rows][:, None, :]
                own = np.where(np.isfinite(mean), mean, 0.0)
                out[number] += share[:, :, None] * own * (factor if name in PLANNED else 1.0)
        out = (out - out[0]) * noise
        if media is not None:
            out += media.closed(rows)[:, :, None, :]
        whole = out[between.full][None]
        parts = np.tensordot(between.split.parts, out, axes=1)
        if media is not None:
            brought = media.draws(rows, between.full, race.seed)
            whole = whole + brought.sum(axis=0)
            parts = np.concatenate([parts, brought[media.changed(between.full)]])
        yield rows, np.concatenate([whole, parts])


def _tilted(at: At, seed: int) -> dict[tuple[str, str], Floats]:
    """(kind, candidate) -> (PATHS,) draws of weights: as sure as so few origins make them."""
    out: dict[tuple[str, str], Floats] = {}
    count = max(at.calibration.origins, 1)
    for number, kind in enumerate(sorted(at.weights)):
        for place, (name, weight) in enumerate(sorted(at.weights[kind].items())):
            gamma = np.random.default_rng([seed, 23, number, place])
            out[kind, name] = gamma.standard_gamma(weight * count, PATHS) + 1e-12
    return out


def _shares(
    replanning: Replanning, tilt: dict[tuple[str, str], Floats], rows: npt.NDArray[np.intp]
) -> dict[str, Floats]:
    out = {name: np.zeros((len(rows), PATHS)) for name in replanning.names}
    for place, row in enumerate(rows):
        kind = str(replanning.told.kinds[row])
        share = replanning.shares[row]
        if len(share) == 1 or any((kind, name) not in tilt for name in share):
            for name, weight in share.items():
                out[name][place] = weight
            continue
        total = sum(tilt[kind, name] for name in share)
        for name in share:
            out[name][place] = tilt[kind, name] / total
    return {name: values for name, values in out.items() if values.any()}
