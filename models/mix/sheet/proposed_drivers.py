"""Which columns of a table are drivers, and which move sales without being done to sell."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from models.mix.sheet import naming
from models.mix.sheet.cells import blank, movement, plain
from models.mix.sheet.guesses import Draft, TableColumn

_LEAK = 0.9
_MOST_EVENTS = 50
#: Share of spend that may lack exposure before spend stands for it.
_UNEXPOSED = 0.01
_ANONYMOUS = re.compile(r"(x|channel|media|ch)_?\d+", re.IGNORECASE)
_KINDS = (
    ("publicity", naming.PUBLICITY),
    ("agency", naming.AGENCY),
    ("seller", naming.SELLER),
    ("promotion", naming.PROMOTION),
)
_UNITS = {
    "promotion": "depth", "price": "price", "seller": "calls", "agency": "calls",
    "publicity": "mentions", "organic": "exposure",
}  # fmt: skip


def find_paid(draft: Draft) -> None:
    """Spend with its exposure, by what is left of their names; then exposure without spend."""
    money = [c for c in draft.waiting() if c.is_numeric and _is_spend(c)]
    measured: dict[str, list[TableColumn]] = {}
    for column in draft.waiting():
        if column.is_numeric and not _is_spend(column) and _unit(column):
            measured.setdefault(column.parts.stem, []).append(column)
    for column in money:
        if _is_sum(column, [other for other in money if other is not column]):
            draft.leave_out(column, "second_measure", "is the sum of the other columns of spend")
            continue
        _add_spend(draft, column, sorted(measured.pop(column.parts.stem, []), key=_rank))
    for stem, rest in measured.items():
        _add_exposure(draft, stem, sorted(rest, key=_rank))


def find_others(draft: Draft) -> None:
    """Every column that is neither a key, nor the outcome, nor paid media."""
    for column in draft.waiting():
        if column.is_numeric:
            _number(draft, column)
        else:
            _text(draft, column)


def _is_spend(column: TableColumn) -> bool:
    return column.parts.mark == "spend" or column.parts.has(naming.SPEND) is not None


def _is_sum(column: TableColumn, others: list[TableColumn]) -> bool:
    if len(others) < 2:
        return False
    total = np.sum([other.filled for other in others], axis=0)
    return bool(total.any()) and bool(np.allclose(column.filled, total, rtol=1e-4, atol=0.01))


def _unit(column: TableColumn) -> str | None:
    word = column.parts.has(naming.EXPOSURE)
    if word:
        return naming.EXPOSURE[word]
    if column.parts.has(naming.FREQUENCY):
        return "frequency"
    return {"impressions": "impressions", "measure": "exposure"}.get(column.parts.mark or "")


def _rank(column: TableColumn) -> int:
    units = list(dict.fromkeys(naming.EXPOSURE.values()))
    unit = _unit(column)
    return units.index(unit) if unit in units else len(units)


def _kind(column: TableColumn) -> str:
    """The kind of what is spent on or met."""
    if column.parts.has(naming.ORGANIC - naming.ALSO_PAID):
        return "organic"
    return next((kind for kind, words in _KINDS if column.parts.has(words)), "media")


def _add_spend(draft: Draft, column: TableColumn, measured: list[TableColumn]) -> None:
    kind = _kind(column)
    driver: dict[str, Any] = {"name": column.name, "kind": kind, "spend": column.name}
    why = "ends with _S, as spend does" if column.parts.mark else "its name says money"
    frequency = next((c for c in measured if _unit(c) == "frequency"), None)
    chosen = next((c for c in measured if c is not frequency and _covers(c, column)), None)
    if chosen is not None:
        driver["exposure"], driver["unit"] = chosen.name, _unit(chosen)
        same = f"the rest of its name is that of {plain(column.name)}"
        draft.say(chosen, f"exposure of {column.name}", same)
        _multiply(draft, driver, frequency)
    for rest in measured:
        if rest.name not in draft.left:
            continue
        if chosen is not None:
            again = f"measures {plain(column.name)} a second time"
        else:
            again = f"is 0 where {plain(column.name)} was spent, so spend stands for exposure"
        draft.leave_out(rest, "second_measure", again, sure=chosen is not None)
    if column.filled.min() < 0:
        why += "; it has negative cells, which must be mended"
    _add(draft, driver, column, why)


def _multiply(draft: Draft, driver: dict[str, Any], frequency: TableColumn | None) -> None:
    if frequency is not None and driver["unit"] == "reach":
        driver["frequency"] = frequency.name
        draft.say(frequency, f"frequency of {driver['name']}", "how often its reach was met")


def _covers(exposure: TableColumn, spend: TableColumn) -> bool:
    """Whether there is exposure for 99 % of the money, or none is spent at all."""
    paid = spend.filled > 0
    total = float(spend.filled[paid].sum())
    alone = float(spend.filled[paid & (exposure.filled <= 0)].sum())
    return total <= 0 or alone < _UNEXPOSED * total


def _add_exposure(draft: Draft, stem: str, measured: list[TableColumn]) -> None:
    column = measured[0]
    frequency = next((c for c in measured if _unit(c) == "frequency"), None)
    if column is frequency:
        draft.leave_out(column, "unrecognised", "a frequency without reach", sure=False)
        return
    if column.parts.has(naming.CONTROL):
        return
    kind = _kind(column)
    if kind == "media" and column.parts.has(naming.ORGANIC):
        kind = "organic"
    driver: dict[str, Any] = {
        "name": column.name, "kind": kind, "exposure": column.name, "unit": _unit(column),
    }  # fmt: skip
    _multiply(draft, driver, frequency)
    why = f"{driver['unit']} without spend" + (": no ROI" if kind == "media" else "")
    _add(draft, driver, column, why, sure=kind != "media")
    for rest in measured[1:]:
        if rest.name in draft.left:
            draft.leave_out(rest, "second_measure", f"measures {plain(stem)} a second time")


def _add(
    draft: Draft, driver: dict[str, Any], column: TableColumn, why: str, *, sure: bool = True
) -> None:
    if column.is_flat:
        why += f"; never moves (always {column.filled[0]:.6g}), so nothing can be learned of it"
        sure = False
    names = [driver[part] for part in ("exposure", "frequency", "spend") if driver.get(part)]
    if any(draft.columns[name].has_blanks for name in names):
        draft.panel["empty_cells"] = "zero"
        why, sure = f"{why}; its empty cells are read as 0", False
    draft.drivers.append(driver)
    draft.say(column, driver["kind"], why, sure=sure)


def _number(draft: Draft, column: TableColumn) -> None:
    parts = column.parts
    if column.is_flat:
        draft.leave_out(column, "constant", f"is {column.filled[0]:.6g} in every row")
        return
    if word := parts.has(naming.MEDIATOR):
        why = f"'{word}' is a result of marketing on the way to the sale, not a cause of its own"
        draft.leave_out(column, "mediator", why, sure=False)
        return
    context = parts.has(naming.EVENT) or parts.has(naming.CONTROL)
    if parts.mark == "control" or context:
        _control(draft, column, context)
        return
    acts = (*_KINDS, ("organic", naming.ORGANIC), ("price", naming.PRICE))
    for kind, words in sorted(acts, key=lambda act: act[0] != "promotion"):
        if said := parts.has(words):
            driver = {
                "name": column.name, "kind": kind, "exposure": column.name, "unit": _UNITS[kind],
            }  # fmt: skip
            _add(draft, driver, column, f"'{said}' names {kind}")
            return
    anonymous = _ANONYMOUS.fullmatch(column.name) is not None
    said = parts.has(naming.CHANNEL)
    if said and parts.has(naming.OUTCOME):
        why = "what a channel is said to have sold (a platform's claim) is not a cause of sales"
        draft.leave_out(column, "mediator", why)
    elif column.filled.min() >= 0 and (said or anonymous):
        if anonymous:
            driver = {"name": column.name, "kind": "media", "exposure": column.name}
            why = "a numbered column of 0 or more, taken for media; write `spend:` if it is money"
        else:
            driver = {"name": column.name, "kind": "media", "spend": column.name}
            why = f"'{said}' names a channel; its numbers are taken for money spent"
        _add(draft, driver, column, why, sure=False)
    else:
        why = "its name says nothing known; add it to drivers or controls if it moves sales"
        draft.leave_out(column, "unrecognised", why, sure=False)


def _control(draft: Draft, column: TableColumn, word: str | None) -> None:
    if column.has_blanks:
        why = "has empty cells, which a control may not have: fill them to use it"
        draft.leave_out(column, "unrecognised", why, sure=False)
        return
    figure = movement(column.filled, draft.sold, draft.key)
    if abs(figure) >= _LEAK:
        why = (
            f"moves with the outcome (correlation {figure:.2f}): likely a consequence of sales or "
            "of the same demand; it would take credit from drivers"
        )
        draft.leave_out(column, "leak", why, sure=False)
        return
    draft.panel.setdefault("controls", []).append(column.name)
    why = f"'{word}' names what moves sales and is not done to sell"
    draft.say(column, "control", why if word else "ends with _B, as context does")


def _text(draft: Draft, column: TableColumn) -> None:
    cells = column.cells.astype(str).str.strip()
    empty = blank(column.cells)
    kinds = sorted(cells[~empty].unique())
    if column.parts.has(naming.EVENT) and 0 < len(kinds) <= _MOST_EVENTS:
        draft.panel.setdefault("events", []).append(column.name)
        named = ", ".join(plain(name, 20) for name in kinds[:3])
        draft.say(column, "events", f"names {len(kinds)} events ({named})")
    elif empty.all():
        draft.leave_out(column, "constant", "is empty in every row")
    elif len(kinds) == 1 and not empty.any():
        draft.leave_out(column, "constant", f"is {plain(cells.iloc[0])!r} in every row")
    else:
        odd = column.cells[~empty & ~np.isfinite(column.numbers)]
        shown = f", as {plain(odd.iloc[0], 30)!r} in row {plain(odd.index[0])}" if len(odd) else ""
        draft.leave_out(column, "text", f"holds text{shown}", sure=False)
