"""A wide table (one row a date, territory and product) and its columns' meaning -> model inputs.

Everything is checked here, before any fitting: an error names table, row, column, expected, got and
what to do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

import numpy as np
import pandas as pd

from models.errors import EmptyFrameError, ModelInputError, NotFiniteError
from models.mix.frames import Floats
from models.mix.panel import MixInputs
from models.mix.sheet.cells import movement, plain, real
from models.mix.sheet.layout import DriverColumn, PanelColumns
from models.mix.sheet.places import event_calendar, territories
from models.mix.sheet.rows import Rows

#: Share of spend on dates without exposure that is told, not refused.
_UNEXPOSED = 0.01
_LEAK = 0.9
#: More digits of the outcome than floats can add up are kept beside the model (`cut_off`).
_MOST_TICKS = 1e13
_MOST_DECIMALS = 12
_LEAST_DIGITS = 6
_NAMES_PER_ERROR = 3
#: Digits that decimal arithmetic keeps.
_EXACT_DIGITS = 28


@dataclass(frozen=True)
class Review:
    """Something of the table that a reader must know: a gate of status REVIEW."""

    gate: str
    subject: str
    figure: float
    threshold: float
    text: str


@dataclass(frozen=True)
class Sheet:
    """A table read: `inputs` of the model, `value_per_unit`, how dates are `written` in it, what
    was read in a particular way (`notes`), and what needs a look (`reviews`).

    `cut_off` is what rounding to the decimals that can be kept took from the outcome, by date,
    territory and product; empty where nothing was.
    """

    inputs: MixInputs
    value_per_unit: float
    written: dict[pd.Timestamp, str]
    notes: tuple[str, ...]
    reviews: tuple[Review, ...]
    cut_off: dict[tuple[object, ...], Decimal] = field(default_factory=dict)


def read_sheet(table: pd.DataFrame, columns: PanelColumns, name: str = "the table") -> Sheet:
    """Check a wide table and lay it out as the frames of a release.

    Args:
        table: cells as text or numbers; its index names rows in errors.
        columns: what each column is. name: of the table (a file), for errors.

    Raises:
        ModelInputError: one of its subclasses; before any fitting.
    """
    rows = Rows(table, columns, plain(name, 120))
    reviews: list[Review] = []
    outcome, decimals = _outcome(rows)
    value = _value_per_unit(rows, outcome)
    drivers = _drivers(rows, reviews)
    reviews += _leaks(rows, outcome)
    return Sheet(
        inputs=MixInputs(
            outcome=rows.key.assign(net_revenue=pd.Series(outcome, dtype=object)),
            drivers=drivers,
            territories=territories(rows),
            grain=rows.grain,
            currency=columns.outcome.currency or columns.outcome.kind,
            controls=_controls(rows),
            holidays=event_calendar(rows),
            decimals=decimals,
        ),
        value_per_unit=value,
        written=rows.written,
        notes=tuple(rows.notes),
        reviews=tuple(reviews),
        cut_off=_cut_off(rows, outcome, decimals),
    )


def _outcome(rows: Rows) -> tuple[list[Decimal], int]:
    """The outcome as it is written, and the decimals that the model can keep."""
    column = rows.columns.outcome.column
    values = rows.numbers(column)
    if not values.any():
        raise EmptyFrameError(
            f"{rows.name}, column {plain(column)!r}: every cell is 0; there is nothing to "
            "attribute. Name the right column at panel.outcome.column."
        )
    exact = [_decimal(cell) for cell in rows.table[column]]
    digits = max(max(0, -int(value.as_tuple().exponent)) for value in exact)
    most = int(np.floor(np.log10(_MOST_TICKS / np.abs(values).max())))
    if most < -4:
        raise NotFiniteError(
            f"{rows.name}, column {plain(column)!r}: {np.abs(values).max():.6g} is too large to "
            "keep exactly. Give the outcome in thousands or millions."
        )
    # Whole units are sold, but a driver brings parts of them: six digits of a usual date.
    least = _LEAST_DIGITS - int(np.ceil(np.log10(np.abs(values).mean())))
    return exact, min(max(digits, least, 2), max(most, 0), _MOST_DECIMALS)


def _decimal(cell: object) -> Decimal:
    try:
        found = Decimal(str(cell).strip())
    except InvalidOperation:  # what pandas reads as a number and Decimal does not
        found = Decimal(repr(float(real(pd.Series([cell], dtype=object))[0])))
    if len(found.as_tuple().digits) > _EXACT_DIGITS:  # normalize would round it
        return found
    return found.normalize() if found else Decimal(0)


def _cut_off(
    rows: Rows, outcome: list[Decimal], decimals: int
) -> dict[tuple[object, ...], Decimal]:
    tick = Decimal(1).scaleb(-decimals)
    rests = [value - value.quantize(tick) for value in outcome]
    if not any(rests):
        return {}
    keys = rows.key.itertuples(index=False, name=None)
    return {tuple(key): rest for key, rest in zip(keys, rests, strict=True) if rest}


def _value_per_unit(rows: Rows, outcome: list[Decimal]) -> float:
    """Money that one unit of the outcome is worth."""
    told = rows.columns.outcome
    if told.value_per_unit is None:
        if told.kind != "revenue":
            rows.notes.append(
                f"panel.outcome.value_per_unit is not said: roi is {told.kind} per unit of money "
                "spent"
            )
        return 1.0
    if not isinstance(told.value_per_unit, str):
        return float(told.value_per_unit)
    values = np.array([float(value) for value in outcome])
    worth = rows.numbers(told.value_per_unit)
    money, sold = float((worth * values).sum()), float(values.sum())
    value = money / sold if sold else float(worth.mean())
    if (worth < 0).any() or value <= 0:
        at = int(np.argmin(worth))
        raise NotFiniteError(
            f"{rows.name}, {rows.row(at)}, column {plain(told.value_per_unit)!r}: expected money "
            f"that a unit is worth, above 0; got {worth[at]:.6g}. Correct the cell."
        )
    rows.notes.append(
        f"a unit of {plain(told.column)} is worth {value:.6g} (mean of "
        f"{plain(told.value_per_unit)}, weighted by outcome)"
    )
    return value


def _drivers(rows: Rows, reviews: list[Review]) -> pd.DataFrame:
    frames = []
    for driver in rows.columns.drivers:
        exposure = rows.numbers(driver.exposed, zero=driver.kind != "price")
        frequency = rows.numbers(driver.frequency, zero=True) if driver.frequency else None
        spend = np.zeros(len(exposure))
        if driver.spend:
            spend = rows.numbers(driver.spend, zero=True)
            _never_negative(rows, spend, driver.spend)
            reviews += _spend_meets_exposure(rows, driver, spend, exposure)
        if np.ptp(exposure) == 0:
            rows.notes.append(
                f"{plain(driver.name)} never moves (always {exposure[0]:.6g}): nothing can be "
                "learned of it and it gets no credit"
            )
        frame = rows.key.assign(
            kind=driver.kind,
            driver=driver.name,
            exposure=exposure,
            exposure_unit=driver.measured_in,
            spend=spend,
        )
        if frequency is not None:
            frame = frame.assign(frequency=frequency)
        frames.append(_once(rows, driver, frame))
    return pd.concat(frames, ignore_index=True)


def _once(rows: Rows, driver: DriverColumn, frame: pd.DataFrame) -> pd.DataFrame:
    """A driver that is the same in all products of a territory is of the territory, and its spend
    counts once; one that is the same in all territories is told."""
    cells = [c for c in ("exposure", "frequency", "spend") if c in frame]
    if "product_id" in frame:
        place = ["date_day", "territory_id"]
        apart = frame.groupby(place)[cells].nunique().gt(1).to_numpy().any()
        if not apart and frame["product_id"].nunique() > 1:
            rows.notes.append(
                f"{plain(driver.name)} is the same in all products on each date: it counts once a "
                "territory, for all of them"
            )
            frame = frame.drop_duplicates(place).assign(product_id="")
    if rows.columns.territory and driver.spend and frame["spend"].any():
        by_date = frame.groupby("date_day")["spend"].nunique()
        if frame["territory_id"].nunique() > 1 and (by_date == 1).all():
            rows.notes.append(
                f"{plain(driver.spend)} is the same in all territories on each date and counts in "
                "each: if it is one national amount, split it between them first"
            )
    return frame


def _never_negative(rows: Rows, spend: Floats, column: str) -> None:
    if (spend >= 0).all():
        return
    at = int(np.argmax(spend < 0))
    raise ModelInputError(
        f"{rows.name}, {rows.row(at)}, column {plain(column)!r}: expected spend of 0 or more; got "
        f"{spend[at]:.6g} ({int((spend < 0).sum())} such cells). Book credits on the date of the "
        "spend that they lower."
    )


def _spend_meets_exposure(
    rows: Rows, driver: DriverColumn, spend: Floats, exposure: Floats
) -> list[Review]:
    alone = (spend > 0) & (exposure <= 0)
    if not alone.any():
        return []
    share = float(spend[alone].sum() / spend.sum())
    where = np.flatnonzero(alone)
    dates = "; ".join(rows.cell(int(at)) for at in where[:_NAMES_PER_ERROR])
    more = f" and {len(where) - _NAMES_PER_ERROR} more" if len(where) > _NAMES_PER_ERROR else ""
    text = (
        f"{plain(driver.spend)} was spent where {plain(driver.exposed)} is 0: {share:.2%} of it, "
        f"in {len(where)} rows ({dates}{more})"
    )
    if share >= _UNEXPOSED:
        raise ModelInputError(
            f"{rows.name}, {rows.row(int(where[0]))}: {text}; expected exposure wherever money was "
            "spent. Fill the exposure in, or leave it out of the spec: spend then stands for it."
        )
    rows.notes.append(text)
    return [Review("spend_without_exposure", driver.name, share, _UNEXPOSED, f"{text}.")]


def _controls(rows: Rows) -> pd.DataFrame | None:
    frames = []
    for column in rows.columns.controls:
        values = rows.numbers(column)
        if np.ptp(values) == 0:
            rows.notes.append(f"{plain(column)} never moves: it explains nothing")
        frames.append(rows.key.assign(control=column, value=values))
    return pd.concat(frames, ignore_index=True) if frames else None


def _leaks(rows: Rows, outcome: list[Decimal]) -> list[Review]:
    """A column left out because it moves with the outcome is told again, with its figure."""
    values = np.array([float(value) for value in outcome])
    out = []
    for one in rows.columns.ignored:
        if one.why != "leak" or one.column not in rows.table:
            continue
        figure = movement(np.nan_to_num(real(rows.table[one.column])), values, rows.key)
        text = (
            f"{plain(one.column)} moves with the outcome (correlation {figure:.2f}) and is left "
            "out: it is likely a consequence of sales or of the same demand, and would take credit "
            "from drivers. Add it to panel.controls if it is a cause of sales."
        )
        out.append(Review("control_leaks_outcome", one.column, figure, _LEAK, text))
    return out
