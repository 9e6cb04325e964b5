"""Stages of the funnel: on paper, with open opportunities, and what a stage does to the next."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.duration.survfunc import CumIncidenceRight

from models.errors import MissingColumnError, ModelInputError, NotFiniteError
from models.journeys.funnel import curve, funnel, wilson
from models.journeys.handing_on import logistic


def _stays(rows: list[tuple[str, str, float, float, float]], **more: str) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["stage", "outcome", "days", "days_before", "opportunities"])
    names = {
        "cohort": "2024-01",
        "channel": "search",
        "seller_key": "s1",
        "handover": "(not known)",
    }
    return frame.assign(**(names | more))


def _counts(*rows: tuple[float, ...]) -> tuple[np.ndarray, ...]:
    return tuple(np.array(column, dtype=float) for column in zip(*rows, strict=True))


def test_a_curve_on_paper() -> None:
    # Four stays: one moves on day 1, one is last seen on day 2, one is lost on 3, one moves on 4.
    # Day 1: 1/4. Day 3: two are left, staying 3/4, lost 3/4 * 1/2 = 3/8. Day 4: the last takes 3/8.
    found = curve(*_counts((1, 1, 0, 0), (2, 0, 0, 1), (3, 0, 1, 0), (4, 1, 0, 0)))
    assert found.days.tolist() == [1, 3, 4]
    assert found.moved.tolist() == pytest.approx([1 / 4, 1 / 4, 5 / 8])
    assert found.lost.tolist() == pytest.approx([0, 3 / 8, 3 / 8])
    assert found.undecided == 0
    assert (found.day_of(0.25), found.day_of(0.5)) == (1, 4)


def test_without_open_stays_a_conversion_is_a_plain_share_with_its_binomial_variance() -> None:
    found = curve(*_counts((1, 3, 2, 0), (5, 1, 4, 0), (9, 2, 0, 0)))
    assert found.moved[-1] == pytest.approx(6 / 12)
    assert found.variance[-1] == pytest.approx(0.5 * 0.5 / 12)


def test_curves_equal_those_of_statsmodels() -> None:
    rng = np.random.default_rng(5)
    days, ends = rng.integers(0, 30, 400), rng.integers(0, 3, 400)
    distinct = np.unique(days)
    rows = [(day, *((ends[days == day] == end).sum() for end in (1, 2, 0))) for day in distinct]
    ours = curve(*_counts(*rows))
    theirs = CumIncidenceRight(days, ends)
    for mine, other in ((ours.moved, theirs.cinc[0]), (ours.lost, theirs.cinc[1])):
        assert mine[-1] == pytest.approx(other[-1], abs=1e-12)


def test_wilson_on_paper() -> None:
    # No success of n: the upper end is z^2 / (n + z^2).
    z2 = 1.6448536269514722**2
    assert wilson(0.0, 10) == (0.0, pytest.approx(z2 / (10 + z2)))


def test_a_young_cohort_is_neither_lost_nor_won() -> None:
    frame = pd.concat(
        [
            _stays([("lead", "moved", 3, np.nan, 6), ("lead", "lost", 5, np.nan, 4)]),
            _stays([("lead", "open", 1, np.nan, 50)], cohort="2024-02"),
        ]
    )
    stages = funnel(frame).stages.set_index(["compared_by", "member"])
    # On day 3 ten are at risk: those last seen on day 1 have left.
    assert stages.loc[("all", "all"), "conversion"] == pytest.approx(0.6)
    young = stages.loc[("cohort", "2024-02")]
    assert np.isnan(young["conversion"]) and np.isnan(young["days_median"])
    assert young["undecided"] == 1
    old = stages.loc[("cohort", "2024-01")]
    assert (old["p05"], old["p95"]) == pytest.approx(wilson(0.6, 10))


def test_a_quick_first_stage_that_helps_the_next_one_is_found() -> None:
    rows = []
    for channel in ("a", "b", "c"):
        for month in ("2024-01", "2024-04"):
            part = _stays(
                [
                    ("lead", "moved", 1, np.nan, 40), ("lead", "moved", 31, np.nan, 40),
                    ("lead", "lost", 9, np.nan, 20),
                    ("qualified", "moved", 10, 1, 32), ("qualified", "lost", 10, 1, 8),
                    ("qualified", "moved", 10, 31, 8), ("qualified", "lost", 10, 31, 32),
                ],
                channel=channel, cohort=month,
            )  # fmt: skip
            rows.append(part)
    found = funnel(pd.concat(rows, ignore_index=True))
    row = found.interactions.set_index(["stage", "factor"]).loc[("qualified", "days_before")]
    # Odds are 4 at one day and 1/4 at 31; with one day added, 2 and 32, that is four doublings.
    assert row["odds_ratio"] == pytest.approx((1 / 16) ** (1 / 4), rel=0.01)
    assert row["from_conversion"] == pytest.approx(0.8, abs=0.01)
    assert row["difference"] == pytest.approx(-0.6, abs=0.01)
    assert row["p95"] < 1
    assert [note for note in found.notes if "proposal" in note]


def test_a_logistic_model_of_two_cells_is_their_log_odds() -> None:
    X = np.array([[1.0, 0], [1, 0], [1, 1], [1, 1]])
    y, weights = np.array([1.0, 0, 1, 0]), np.array([3e5, 1e5, 1e5, 3e5])
    beta, _ = logistic(X, y, weights, np.arange(4))
    assert beta == pytest.approx([np.log(3), -2 * np.log(3)], abs=1e-4)


def test_a_funnel_of_nothing_is_empty() -> None:
    found = funnel(_stays([]))
    assert len(found.stages) == 0
    assert len(found.interactions) == 0


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (lambda f: f.drop(columns="days"), MissingColumnError, "lacks the column 'days'"),
        (lambda f: f.assign(days=-1), NotFiniteError, "'-1' for days"),
        (lambda f: f.assign(stage="won"), ModelInputError, "the stage 'won'"),
    ],
)
def test_a_faulty_frame_is_refused(spoil, error, words) -> None:
    with pytest.raises(error, match=words):
        funnel(spoil(_stays([("lead", "moved", 1, np.nan, 1)])))
