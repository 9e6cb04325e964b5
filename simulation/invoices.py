"""Ledger lines as rows of raw `sales`: ids, names and money in the contract's types."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulation.desk import DISTRIBUTORS, Desk
from simulation.ledger import OWN, PARTNER, SELL_IN, Lines
from simulation.response import Whole
from simulation.sellers import AGENCY
from simulation.streams import Streams
from simulation.tables import COLUMNS, exact

LATE_SHARE, LATE_DAYS = 0.02, (1, 40)
DUPLICATE_SHARE = 0.001


# Rows that have not arrived, and the day each does.
Waiting = tuple[pa.Table, Whole] | None


@dataclass
class Export:
    """Rows as they leave the company: by arrival, some late, a few twice.

    `arrived` is the day a row arrives; `copies` names the rows of which a copy follows.
    """

    rows: pa.Table
    copies: pa.Table
    waiting: Waiting


def coded(codes: Whole, labels: list[str]) -> pa.Array:
    """Text by code; a negative code is empty. Equal labels share an entry."""
    entry = {label: number for number, label in enumerate(dict.fromkeys(labels or [""]))}
    position = np.array([entry[label] for label in labels or [""]], dtype=np.int32)
    index = pa.array(position[codes], mask=codes < 0)
    return pa.DictionaryArray.from_arrays(index, pa.array(list(entry), pa.string()))


def constant(label: str | None, count: int) -> pa.Array:
    """The same text, or nothing, in every row."""
    codes = np.full(count, -1 if label is None else 0)
    return coded(codes, [label or ""])


def numbered(prefix: pa.Array, numbers: Whole) -> pa.Array:
    """Texts of a prefix and a number."""
    return pc.binary_join_element_wise(
        prefix.cast(pa.string()), pc.cast(pa.array(numbers), pa.string()), ""
    )


def order_ids(desk: Desk, book: Whole, day: Whole, place: Whole, order: Whole) -> pa.Array:
    """Ids of orders: territory, day, book, number within them."""
    stage = desk.stage
    first = int(day.min()) if len(day) else 0
    stamps = stage.dates[first : int(day.max()) + 1 if len(day) else 1].strftime("%Y%m%d")
    labels = [
        f"{name}-{stamp}-{letter}"
        for stamp in stamps
        for name in stage.names
        for letter in ("", "b", "p")
    ]
    codes = ((day - first) * stage.width + place) * 3 + book
    return numbered(coded(codes, labels), order)


def sales_rows(desk: Desk, month: str, lines: Lines) -> pa.Table:
    """Raw `sales` of ledger lines, in the order they are given."""
    stage, count = desk.stage, len(lines)
    own, partner = lines.book == OWN, lines.book == PARTNER
    start = np.datetime64(stage.first_day, "D").astype(np.int64)
    is_distributor = lines.customer % desk.volume.dealers < DISTRIBUTORS
    level = np.select([own, lines.book == SELL_IN], [0, 1], np.where(is_distributor, 2, 0))
    dealer = lines.place * desk.volume.dealers + lines.customer
    consumer = numbered(constant("c", count), lines.customer)
    business = coded(np.where(own, -1, dealer), desk.dealers)
    sellers = [seller.seller_id for seller in desk.force.sellers]
    outsourced = np.array([seller.agency_id is not None for seller in desk.force.sellers])
    by_agency = (lines.rep >= 0) & outsourced[lines.rep]
    known = own & (lines.customer >= 0)
    sold_at = ((start + lines.day) * 86_400 + lines.second) * 1_000_000
    columns = {
        "order_id": order_ids(desk, lines.book, lines.ordered, lines.place, lines.order),
        "line_number": pa.array(lines.number),
        "date_day": pa.array((start + lines.day).astype(np.int32)).cast(pa.date32()),
        "grain": constant("day", count),
        "product_id": coded(lines.product, desk.catalogue.ids),
        "territory_id": coded(lines.place, stage.names),
        "sales_channel": coded(
            np.select([own, lines.book == SELL_IN], [lines.web, 2], 3),
            ["retail", "web", "field", "dealer"],
        ),
        "sales_level": coded(level, ["shop", "factory", "distributor"]),
        "customer_kind": coded((~own & ~(partner & (level == 0))).astype(int), ["B2C", "B2B"]),
        "customer_id": pc.if_else(
            pa.array(own), pc.if_else(pa.array(known), consumer, None), business.cast(pa.string())
        ),
        "rep_id": coded(lines.rep, sellers),
        "agency_id": coded(np.where(by_agency, 0, -1), [AGENCY]),
        "campaign_id": coded(lines.campaign, desk.campaigns),
        "promotion_id": coded(lines.promotion, desk.promotion_ids),
        "opportunity_id": pc.if_else(
            pa.array(lines.opportunity >= 0),
            numbered(constant(f"o-{month}-", count), lines.opportunity),
            None,
        ),
        "units": pa.array(lines.units.astype(float)),
        "list_price": exact(lines.price),
        "discount": exact(lines.units * lines.price - lines.net),
        "net_revenue": exact(lines.net),
        "unit_cost": exact(lines.cost),
        "currency_code": coded(lines.place, [t.currency_code for t in stage.territories]),
        "booked_by": coded(partner.astype(int), ["company", "partner"]),
        "sold_at": pa.array(sold_at, pa.timestamp("us"), mask=lines.second < 0),
        "time_zone": coded(lines.place, [t.time_zone for t in stage.territories]),
    }
    return pa.table({name: columns[name] for name in COLUMNS["sales"]})


def export(
    streams: Streams,
    desk: Desk,
    month: str,
    lines: Lines,
    upto: tuple[int, Waiting],
) -> Export:
    """Rows that arrive before a day, in order of arrival; the others wait.

    `upto` is that day, and what has been waiting for it. At the end of the window everything
    arrives. A copy of a row arrives one to four days after it.
    """
    rng = streams("ledger", "arrival", month)
    end, waiting = upto
    rows = sales_rows(desk, month, lines)
    late = rng.random(len(lines)) < LATE_SHARE
    arrived = lines.day + np.where(late, rng.integers(*LATE_DAYS, len(lines)), 0)
    twice = np.flatnonzero(rng.random(len(lines)) < DUPLICATE_SHARE)
    again = arrived[twice] + rng.integers(1, 5, len(twice))
    copies = rows.take(pa.array(twice)).select(["order_id", "line_number"])
    parts, days = [rows, rows.take(pa.array(twice))], [arrived, again]
    if waiting is not None:
        parts.insert(0, waiting[0])
        days.insert(0, waiting[1])
    rows, arrived = pa.concat_tables(parts), np.concatenate(days)
    arrived = np.minimum(arrived, desk.stage.days - 1)
    order = np.argsort(arrived, kind="stable")
    here = order[arrived[order] < end]
    later = order[arrived[order] >= end]
    return Export(
        rows=rows.take(pa.array(here)),
        copies=copies,
        waiting=(rows.take(pa.array(later)), arrived[later]),
    )
