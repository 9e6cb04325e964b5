"""The funnel as a process: what moves on from each stage, how soon, and what that depends on.

Open opportunities are censored: they count for as long as they were seen and no longer, so a young
cohort is neither called lost nor called won. From a stage an opportunity moves on or is lost; the
two compete, and their curves are those of Aalen & Johansen (1978), An empirical transition matrix
for non-homogeneous Markov chains based on censored observations, Scand. J. Statist. 5; the variance
by the delta method as in Marubini & Valsecchi (1995), Analysing Survival Data from Clinical Trials.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.errors import MissingColumnError, ModelInputError, NotFiniteError
from models.journeys.handing_on import INTERACTION_COLUMNS, interactions
from models.journeys.paths import Floats, sums

#: Stages in their order; who leaves the last one to the better has won.
STAGES = ("lead", "qualified", "proposal")
OUTCOMES = ("moved", "lost", "open")
#: What funnels are compared by, and the column of it; everything together has none.
BY = {
    "all": None,
    "cohort": "cohort",
    "channel": "channel",
    "seller": "seller_key",
    "handover": "handover",
}
_COLUMNS = (
    *("cohort", "channel", "seller_key", "handover", "stage", "outcome"),
    *("days", "days_before", "opportunities"),
)
#: Half width of a 90 % interval in standard errors.
Z90 = 1.6448536269514722


@dataclass(frozen=True)
class Curve:
    """Shares of those who entered a stage, by days since, at days on which somebody left.

    Attributes:
        days: ascending, shape (n,).
        moved, lost: share that has moved on, or was lost, by that day.
        variance: of `moved`.
    """

    days: Floats
    moved: Floats
    lost: Floats
    variance: Floats

    @property
    def undecided(self) -> float:
        """Share neither moved nor lost at the end of what was seen."""
        if not len(self.days):
            return 1.0
        left = 1 - float(self.moved[-1] + self.lost[-1])
        return left if left > 1e-12 else 0.0

    def day_of(self, share: float) -> float:
        """Day by which this share of all that ever move on has moved; NaN where none did."""
        if not len(self.days) or self.moved[-1] <= 0:
            return float("nan")
        # A hair below: a share that is reached exactly is reached.
        at = int(np.searchsorted(self.moved, share * self.moved[-1] * (1 - 1e-12)))
        return float(self.days[at])


@dataclass(frozen=True)
class Funnel:
    """What `funnel` found.

    Attributes:
        stages: compared_by, member, stage, conversion, p05, p95, undecided, days_p25,
            days_median, days_p75.
        interactions: stage, factor, odds_ratio, p05, p95, from_conversion, to_conversion,
            difference, difference_p05, difference_p95, opportunities.
        notes: what the reader should know, in sentences.
    """

    stages: pd.DataFrame
    interactions: pd.DataFrame
    notes: tuple[str, ...]


def funnel(frame: pd.DataFrame) -> Funnel:
    """Conversion and velocity of every stage, together and by cohort, channel, seller, handover.

    Args:
        frame: a row a kind of stay, counted: `cohort` (month of the first contact), `channel`,
            `seller_key`, `handover` (text: whether the one who qualified it also sells it),
            `stage` (of `STAGES`), `outcome` (moved, lost, open), `days` in the stage (until the
            outcome, or until it was last seen), `days_before` in the stage before (missing: there
            is none), `opportunities`, how many such stays.

    conversion is the share that moves on in the end, as far as was seen: `undecided` is what nobody
    was seen long enough for. Its 90 % interval is Wilson's at the effective number of stays, the
    one that gives the variance. Days are of those that move on. Without one decided stay conversion
    is missing.

    Raises:
        MissingColumnError, NotFiniteError, ModelInputError: a column lacks, a number is missing or
            negative, a stage or an outcome is not known.
    """
    _check(frame)
    frame = frame.reset_index(drop=True)
    rows = []
    for by, member, stage, stays in _members(frame):
        found = curve(*_counted(stays))
        share, low, high = _conversion(found, stays)
        days = (found.day_of(part) for part in (0.25, 0.5, 0.75))
        rows.append((by, member, stage, share, low, high, found.undecided, *days))
    names = ["compared_by", "member", "stage", "conversion", "p05", "p95", "undecided"]
    stages = pd.DataFrame(rows, columns=[*names, "days_p25", "days_median", "days_p75"])
    if frame.empty:
        return Funnel(stages, pd.DataFrame(columns=list(INTERACTION_COLUMNS)), ())
    effects, notes = interactions(frame, STAGES)
    return Funnel(stages, effects, notes)


def curve(days: Floats, moved: Floats, lost: Floats, still: Floats) -> Curve:
    """Aalen-Johansen shares of stays that ended on `days`.

    Args:
        days: ascending and distinct, shape (n,).
        moved, lost, still: how many moved on, were lost, or were last seen after so many days.
            Who was last seen on a day counts as seen on it.
    """
    leaving = moved + lost
    ended = leaving + still
    at_risk = ended.sum() - np.r_[0.0, np.cumsum(ended)[:-1]]
    kept = leaving > 0
    days, moved, lost = days[kept], moved[kept], lost[kept]
    leaving, at_risk = leaving[kept], at_risk[kept]
    staying = np.r_[1.0, np.cumprod(1 - leaving / at_risk)[:-1]] if len(days) else np.zeros(0)
    by_day = staying * moved / at_risk
    share = np.cumsum(by_day)
    gone = at_risk - leaving
    # Whoever leaves last takes the whole rest: nothing comes after, so the term weighs nothing.
    hazard = np.divide(leaving, at_risk * gone, out=np.zeros_like(gone), where=gone > 0)
    spread = staying**2 * moved * (at_risk - moved) / at_risk**3
    mixed = staying * moved / at_risk**2
    # Var F(t) = sum (F(t) - F(j))^2 hazard + sum spread - 2 sum (F(t) - F(j)) mixed over j <= t.
    variance = (
        share**2 * np.cumsum(hazard)
        - 2 * share * np.cumsum(share * hazard)
        + np.cumsum(share**2 * hazard)
        + np.cumsum(spread)
        - 2 * (share * np.cumsum(mixed) - np.cumsum(share * mixed))
    )
    return Curve(days, share, np.cumsum(staying * lost / at_risk), np.maximum(variance, 0.0))


def wilson(share: float, number: float) -> tuple[float, float]:
    """90 % interval of a share of `number` that are equal and apart (Wilson 1927)."""
    middle = (share + Z90**2 / (2 * number)) / (1 + Z90**2 / number)
    half = Z90 * np.sqrt(share * (1 - share) / number + Z90**2 / (4 * number**2))
    half /= 1 + Z90**2 / number
    # At 0 and 1 an end is the share itself; rounding must not carry it across.
    return float(min(max(0.0, middle - half), share)), float(max(min(1.0, middle + half), share))


def _conversion(found: Curve, stays: pd.DataFrame) -> tuple[float, float, float]:
    if not len(found.days):
        return float("nan"), float("nan"), float("nan")
    share, variance = float(min(found.moved[-1], 1.0)), float(found.variance[-1])
    decided = float(stays.loc[stays["outcome"] != "open", "opportunities"].sum())
    # Where all go one way no variance is seen, and the decided are what is known.
    number = share * (1 - share) / variance if variance > 0 and 0 < share < 1 else decided
    return share, *wilson(share, number)


def _members(frame: pd.DataFrame) -> Iterator[tuple[str, str, str, pd.DataFrame]]:
    for by, column in BY.items():
        keys = frame.assign(member="all" if column is None else frame[column])
        for (member, stage), stays in keys.groupby(["member", "stage"], sort=True):
            yield by, str(member), str(stage), stays


def _counted(stays: pd.DataFrame) -> tuple[Floats, Floats, Floats, Floats]:
    days, at = np.unique(stays["days"].to_numpy(dtype=np.float64), return_inverse=True)
    number = stays["opportunities"].to_numpy(dtype=np.float64)
    ends: npt.NDArray[np.object_] = stays["outcome"].to_numpy(dtype=object)
    moved, lost, still = (sums(number * (ends == outcome), at, len(days)) for outcome in OUTCOMES)
    return days, moved, lost, still


def _check(frame: pd.DataFrame) -> None:
    lacking = [name for name in _COLUMNS if name not in frame.columns]
    if lacking:
        raise MissingColumnError(
            f"The frame of stages lacks the column {lacking[0]!r}; expected {', '.join(_COLUMNS)}."
        )
    for name in ("days", "opportunities"):
        numbers = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64)
        bad = ~np.isfinite(numbers) | (numbers < 0)
        if bad.any():
            got = str(frame[name].iloc[int(np.argmax(bad))])[:40]
            raise NotFiniteError(
                f"The frame of stages has {got!r} for {name} in row "
                f"{frame.index[int(np.argmax(bad))]}; expected a number, 0 or more."
            )
    for name, known in (("stage", STAGES), ("outcome", OUTCOMES)):
        odd = sorted(set(frame[name].astype(str)) - set(known))
        if odd:
            raise ModelInputError(
                f"The frame of stages has the {name} {odd[0][:40]!r}; expected {', '.join(known)}."
            )
