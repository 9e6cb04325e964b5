"""Keeping the books month by month, and handing every table and answer over once."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from simulation import answers, directory, paths
from simulation.desk import TRACKED
from simulation.invoices import coded, export, order_ids
from simulation.ledger import OWN, PARTNER, Lines, Orders, write_month
from simulation.markets import to_eur_cents
from simulation.opportunities import collect, tally
from simulation.paths import DAY, Touches
from simulation.response import Whole
from simulation.scene import Scene
from simulation.targets import periods
from simulation.totals import Totals
from simulation.truth import DriverTruth
from simulation.writing import Format, Sheet, plain


class Cellar:
    """Where tables go: here, in memory. `place` is `tables` or `truth`."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self._kept: dict[tuple[str, str], list[pa.Table]] = {}

    def add(self, place: str, table: str, rows: pa.Table) -> None:
        """Rows of a table that is handed over in parts."""
        self._kept.setdefault((place, table), []).append(rows)
        if place == "tables":
            self.rows[table] = self.rows.get(table, 0) + rows.num_rows

    def close(self) -> None:
        """Everything has been handed over."""

    def abandon(self) -> None:
        """Something went wrong."""

    def frames(self, place: str) -> dict[str, pd.DataFrame]:
        """All tables of a place as frames."""
        return {
            table: plain(pa.concat_tables(parts)).to_pandas()
            for (where, table), parts in self._kept.items()
            if where == place
        }


class FileCellar(Cellar):
    """Tables as files of a folder; nothing has its name before everything is written."""

    def __init__(self, folder: Path, form: Format) -> None:
        super().__init__()
        self._folder, self._form = folder, form
        self._sheets: dict[tuple[str, str], Sheet] = {}
        self._open = ExitStack()

    def add(self, place: str, table: str, rows: pa.Table) -> None:
        """Write rows; a table's first rows open its file."""
        key = (place, table)
        if key not in self._sheets:
            folder = self._folder / "truth" if place == "truth" else self._folder
            folder.mkdir(parents=True, exist_ok=True)
            self._sheets[key] = self._open.enter_context(Sheet(folder, table, self._form))
        self._sheets[key].write(rows)
        if place == "tables":
            self.rows[table] = self.rows.get(table, 0) + rows.num_rows

    def close(self) -> None:
        """Finish all files and give them their names."""
        self._open.close()

    def abandon(self) -> None:
        """Take unfinished files away; what stood there before stays."""
        for sheet in self._sheets.values():
            sheet.abandon()
        self._open.close()


def keep_books(scene: Scene, cellar: Cellar) -> tuple[DriverTruth, ...]:
    """Write ledger and touches month by month, then every other table and the truth."""
    totals = Totals.of(scene)
    try:
        _months(scene, cellar, totals)
        summary = answers.hand_over(scene, cellar.add, totals)
    except BaseException:
        cellar.abandon()
        raise
    cellar.close()
    return summary


def _months(scene: Scene, cellar: Cellar, totals: Totals) -> None:
    stage, streams, desk = scene.stage, scene.streams, scene.desk
    attention = paths.pay_attention(desk, scene.media, scene.factors)
    spans = [
        (
            f"{first:%Y%m}",
            max((first - stage.first_day).days, 0),
            min((last - stage.first_day).days + 1, stage.days),
        )
        for first, last in periods(stage, "M")
    ]
    waiting: tuple[pa.Table, Whole] | None = None
    returns: list[Lines] = []
    earlier: list[Touches] = []  # touches on the way to orders, not yet handed over
    numbered = 0
    for index, (name, first, end) in enumerate(spans):
        month = write_month(streams, desk, name, (first, end), returns)
        returns = month.pending
        _add_up(scene, totals, month.lines, month.orders)
        won = collect(totals.won, name, month.lines)
        tally(totals.agencies, desk, month.lines)
        done = export(streams, desk, name, month.lines, (end, waiting))
        waiting = done.waiting
        cellar.add("tables", "sales", done.rows)
        cellar.add("truth", "duplicates", done.copies)
        cellar.add("truth", "conversions", _conversions(scene, month.orders))

        way = paths.paths_of_orders(streams, desk, attention, name, month.orders)
        met = paths.meetings_before(streams("paths", "won", name), won, won.day * DAY + 25_000)
        earlier += [way, met]
        # A month's touches are whole once the orders of the month after it are known.
        whole = [index - 1] if index else []
        if index == len(spans) - 1:
            whole.append(index)
        for number in whole:
            label, start, stop = spans[number]
            of_month = (label, (start, stop))
            known = paths.joined(earlier)
            inside = known.moment < stop * DAY
            here, earlier = known.take(inside), [known.take(~inside)]
            rows = _touches(scene, attention, of_month, here, numbered)
            numbered += rows.num_rows
            cellar.add("tables", "touchpoints", rows)


def _touches(
    scene: Scene,
    attention: paths.Attention,
    month: tuple[str, tuple[int, int]],
    known: Touches,
    so_far: int,
) -> pa.Table:
    """All touches of a month: on the way to orders, of sellers, of bots, and of passers-by."""
    streams, desk = scene.streams, scene.desk
    name, span = month
    first, end = span
    field = paths.field_touches(streams, desk, name, span)
    machines = paths.bots(streams, desk, name, span, scene.scope.bots)
    wanted = desk.volume.touchpoints * (end - first) / scene.stage.days
    rest = max(int(wanted) - len(known) - len(field) - len(machines), int(0.1 * wanted))
    others = paths.passers_by(streams, desk, attention, month=name, span=span, count=rest)
    touches = paths.joined([known, field, machines, others])
    touches = paths.without_marketing(desk, touches, scene.without)
    return directory.touch_rows(desk, touches, so_far)


def _add_up(scene: Scene, totals: Totals, lines: Lines, orders: Orders) -> None:
    company = lines.take(lines.book != PARTNER)
    eur = to_eur_cents(company.net, scene.stage.rate_micros[company.day, company.place])
    np.add.at(totals.booked_eur, (company.day, company.place, company.product), eur)
    known = np.flatnonzero(orders.tracked)
    np.minimum.at(totals.first_seen, orders.customer[known], orders.day[known])
    for column, amount in enumerate((np.ones_like(orders.units), orders.units, orders.net_eur)):
        np.add.at(totals.caused[:, :, column], (orders.tracked.astype(int), orders.cause), amount)


def _conversions(scene: Scene, orders: Orders) -> pa.Table:
    """Truth: tracked orders that a channel caused; every other order was coming anyway."""
    due = np.flatnonzero(orders.tracked & (orders.cause < len(TRACKED)))
    book = np.full(len(due), OWN)
    day, place, order = orders.day[due], orders.place[due], orders.order[due]
    return pa.table({
        "order_id": order_ids(scene.desk, book, day, place, order),
        "channel": coded(orders.cause[due], list(TRACKED)),
        "net_revenue_eur": pa.array(orders.net_eur[due] / 100.0),
    })  # fmt: skip
