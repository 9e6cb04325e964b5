"""The sales ledger, month by month: what is booked and sold on, split into lines to the cent."""

from dataclasses import dataclass

import numpy as np

from simulation.desk import NOT_TRACKED, Desk
from simulation.markets import to_eur_cents
from simulation.response import Array, Chosen, Whole
from simulation.streams import Streams

RETURN_SHARE = 0.035
RETURN_DAYS = (3, 29)
NEW_ORDER = 0.62
OWN, SELL_IN, PARTNER = 0, 1, 2
BOOKS = ("own", "sell_in", "partner")
OPPORTUNITY_SHARE = 0.06


@dataclass
class Lines:
    """Order lines as codes and whole numbers, one array a column; money in ledger cents.

    `returned` lines have `number` above 100 and the order and price of the sale. `order` counts
    the orders of a day and territory from 1; `ordered` is the day of the order.
    """

    book: Whole
    day: Whole
    ordered: Whole
    place: Whole
    order: Whole
    number: Whole
    product: Whole
    units: Whole
    price: Whole
    cost: Whole
    net: Whole
    promotion: Whole
    customer: Whole
    rep: Whole
    web: Whole
    second: Whole
    campaign: Whole
    opportunity: Whole

    def __len__(self) -> int:
        return len(self.day)

    def take(self, chosen: Chosen) -> "Lines":
        """Lines at positions, or where a mask is true."""
        return Lines(**{name: values[chosen] for name, values in vars(self).items()})


def joined(parts: list[Lines]) -> Lines:
    """Lines one after another."""
    return Lines(
        **{name: np.concatenate([vars(p)[name] for p in parts]) for name in vars(parts[0])}
    )


@dataclass
class Orders:
    """Orders of the company's own shops: what the paths of their customers lead to.

    `cause` indexes `TRACKED`, or is NOT_TRACKED; `tracked` says whether the customer is known.
    """

    day: Whole
    place: Whole
    order: Whole
    customer: Whole
    cause: Whole
    tracked: Whole
    second: Whole
    units: Whole
    net_eur: Whole


@dataclass
class Month:
    """One month of books: its lines (returns of earlier sales among them) and own orders."""

    lines: Lines
    orders: Orders
    pending: list[Lines]


def write_month(
    streams: Streams, desk: Desk, name: str, span: tuple[int, int], returns: list[Lines]
) -> Month:
    """Lines of the days of `span`, its end not included.

    The target of each day, territory and product plus what came back that day is shared out over
    the lines in whole cents; units follow from list price and discount, and the line's discount
    takes the rest, so that net revenue = units x list price - discount on every line. How many
    lines and orders there are, and what share of them comes back, is drawn without looking at the
    sales: a driver that is switched off takes its money out of the lines and nothing else.
    """
    first, end = span
    sold = _sold(streams, desk, name, span, OWN)
    orders = _orders(streams, desk, name, sold)
    back = _sent_back(streams, desk, name, sold)
    waiting = [*returns, back]
    due = [lines.take(lines.day < end) for lines in waiting]
    pending = [lines.take(lines.day >= end) for lines in waiting]
    coming = joined(due)
    _refund(desk, first, end, sold, coming)
    books = [
        joined([sold, coming]),
        _sold(streams, desk, name, span, SELL_IN),
        _sold(streams, desk, name, span, PARTNER),
    ]
    lines = joined(books)
    _add_up(desk, orders, sold)
    return Month(lines.take(lines.net != 0), orders, [p for p in pending if len(p)])


def _target(desk: Desk, book: int) -> Whole:
    accounts = desk.accounts
    return (accounts.own, accounts.sell_in, accounts.sold_on)[book]


def _sold(streams: Streams, desk: Desk, name: str, span: tuple[int, int], book: int) -> Lines:
    """Lines of one book without returns, in order of day, territory and order."""
    first, end = span
    stage, catalogue, volume = desk.stage, desk.catalogue, desk.volume
    rng = streams("ledger", BOOKS[book], name)
    width, products = stage.width, catalogue.size
    target = _target(desk, book)[first:end]
    a_day = (volume.own_lines, volume.trade_lines, volume.partner_lines)[book]
    mean = a_day * desk.share_of_size()[:, None] * catalogue.share[first:end, None, :]
    counts = np.where(target != 0, 1 + rng.poisson(mean), 0).ravel()
    cell = np.repeat(np.arange(len(counts)), counts)
    weight = np.exp(rng.normal(0.0, 0.5, len(cell)))
    net = share_out(target.ravel(), cell, weight)

    spot = cell // products  # a day and territory
    mixed = np.argsort(spot + rng.random(len(cell)), kind="stable")
    cell, net, spot = cell[mixed], net[mixed], spot[mixed]
    day, place, product = first + spot // width, spot % width, cell % products
    new_spot = np.append(True, spot[1:] != spot[:-1])[: len(spot)]
    starts = new_spot | (rng.random(len(cell)) < NEW_ORDER)
    index = np.cumsum(starts) - 1  # of the order, over all
    head = np.flatnonzero(starts)
    number = np.arange(len(cell)) - head[index] + 1
    order = index - index[np.maximum.accumulate(np.where(new_spot, np.arange(len(cell)), 0))] + 1

    price, cost = catalogue.price[day, place, product], catalogue.cost[day, place, product]
    usual = (0.02, 0.12, 0.02)[book]
    depth = desk.depth[day, place, product]
    if book != OWN:
        depth = 0.3 * depth
    rate = np.minimum(usual * rng.uniform(0.5, 1.5, len(cell)) + depth, 0.6)
    if book == SELL_IN:
        rate = np.minimum(rate + 0.28, 0.7)
    units = np.sign(net) * np.ceil(np.abs(net) / (price * (1.0 - rate))).astype(np.int64)

    none = np.full(len(cell), -1)
    by_order = rng.random(len(head))
    second = (21_600 + 50_400 * rng.random(len(head))).astype(np.int64)[index]
    web = (by_order < 0.40 + 0.15 * day[head] / stage.days)[index].astype(np.int64)
    customer, rep, promotion = none, none, none
    opportunity = none
    if book == OWN:
        named = rng.random(len(cell)) < 0.8
        promotion = np.where(named, desk.promotion[day, place, product], -1)
    else:
        customer = _dealer(desk, day[head], place[head], by_order)[index]
        if book == SELL_IN:
            rep = desk.rep[day, place, customer]
            is_won = rng.random(len(head)) < OPPORTUNITY_SHARE
            opportunity = np.where(is_won, np.arange(len(head)), -1)[index]
        else:
            second = none
        web = np.zeros_like(web)
    return Lines(
        book=np.full(len(cell), book), day=day, ordered=day, place=place, order=order,
        number=number, product=product, units=units, price=price, cost=cost, net=net,
        promotion=promotion, customer=customer, rep=rep, web=web, second=second,
        campaign=none, opportunity=opportunity,
    )  # fmt: skip


def _dealer(desk: Desk, day: Whole, place: Whole, draw: Array) -> Whole:
    """Dealer of each order, counted within the territory; the first is the distributor who leaves.

    It has its part of the trade until its last day and nothing after.
    """
    lost_place, since, part = desk.lost
    gone = (place == lost_place) & (day >= since)
    draw = np.where(gone, part + (1.0 - part) * draw, draw)
    others = 1 + ((draw - part) / (1.0 - part) * (desk.volume.dealers - 1)).astype(np.int64)
    return np.where(draw < part, 0, np.minimum(others, desk.volume.dealers - 1))


def _sent_back(streams: Streams, desk: Desk, name: str, sold: Lines) -> Lines:
    """Returns of these sales: part or all of a line, some days later, at what was paid for it.

    Who has not come back when the window ends is not in the books.
    """
    rng = streams("ledger", "returns", name)
    chosen = rng.random(len(sold)) < RETURN_SHARE
    lag = rng.integers(*RETURN_DAYS, len(sold))
    part = rng.random(len(sold))
    day = sold.day + lag
    chosen &= (day < desk.stage.days) & (sold.units > 0)
    back = sold.take(np.flatnonzero(chosen))
    units = 1 + (part[chosen] * back.units).astype(np.int64)
    units = np.minimum(units, back.units)
    back.net = -((back.net * units) // back.units)
    back.units = -units
    back.day = day[chosen]
    back.number = 100 + back.number
    back.second = np.full(len(back), -1)
    return back


def _refund(desk: Desk, first: int, end: int, sold: Lines, back: Lines) -> None:
    """Raise what is sold in each cell by what came back there, so that the cell is on target."""
    shape = (end - first, desk.stage.width, desk.catalogue.size)
    raised = np.zeros(shape, dtype=np.int64)
    np.add.at(raised, (back.day - first, back.place, back.product), -back.net)
    cell = np.ravel_multi_index((sold.day - first, sold.place, sold.product), shape)
    by_cell = np.argsort(cell, kind="stable")
    size = np.bincount(cell, minlength=raised.size)
    weight = np.maximum(np.abs(sold.net[by_cell]), 1).astype(float)
    more = np.where(size > 0, raised.ravel(), 0)
    sold.net[by_cell] += share_out(more, cell[by_cell], weight)
    enough = np.ceil(sold.net / sold.price).astype(np.int64)
    sold.units = np.where(sold.net > 0, np.maximum(sold.units, enough), sold.units)


def _orders(streams: Streams, desk: Desk, name: str, sold: Lines) -> Orders:
    """Own orders with their customers and causes; customers are set on the lines, too."""
    rng = streams("ledger", "customers", name)
    head = np.flatnonzero(sold.number == 1)
    index = np.cumsum(sold.number == 1) - 1
    place, day = sold.place[head], sold.day[head]
    tracked = (sold.web[head] == 1) | (rng.random(len(head)) < 0.35)
    pool = desk.customers
    size = pool[place + 1] - pool[place]
    customer = pool[place] + (size * rng.random(len(head)) ** 1.5).astype(np.int64)
    spot = day * desk.stage.width + place
    cause = (rng.random(len(head))[:, None] >= desk.causes[spot]).sum(axis=1)
    sold.customer = np.where(tracked, customer, -1)[index]
    named = tracked & (sold.web[head] == 1) & (cause != NOT_TRACKED)
    named &= rng.random(len(head)) < 0.6
    campaign = desk.campaign_at[np.minimum(cause, NOT_TRACKED - 1), place, desk.year[day]]
    sold.campaign = np.where(named, campaign, -1)[index]
    nothing = np.zeros(len(head), dtype=np.int64)
    return Orders(
        day=day, place=place, order=sold.order[head], customer=customer, cause=cause,
        tracked=tracked, second=sold.second[head], units=nothing, net_eur=nothing,
    )  # fmt: skip


def _add_up(desk: Desk, orders: Orders, sold: Lines) -> None:
    """What each order comes to, returns not taken off."""
    index = np.cumsum(sold.number == 1) - 1
    eur = to_eur_cents(sold.net, desk.stage.rate_micros[sold.day, sold.place])
    count = len(orders.day)
    orders.units = np.bincount(index, sold.units, count).astype(np.int64)
    orders.net_eur = np.bincount(index, eur, count).astype(np.int64)


def share_out(target: Whole, cell: Whole, weight: Array) -> Whole:
    """Split each cell's whole cents among its lines by weight; the parts sum exactly.

    Lines are sorted by cell. Rounding the running total, not the parts, loses nothing.
    """
    if not len(cell):
        return np.zeros(0, dtype=np.int64)
    whole_weight = np.bincount(cell, weights=weight, minlength=len(target))
    running_weight = np.cumsum(weight)
    before_cell = np.cumsum(whole_weight) - whole_weight
    is_last = np.append(cell[1:] != cell[:-1], True)
    upto = (running_weight - before_cell[cell]) / whole_weight[cell]
    running_cents = np.where(is_last, target[cell], np.rint(target[cell] * upto)).astype(np.int64)
    is_first = np.append(True, is_last[:-1])
    return running_cents - np.where(is_first, 0, np.append(0, running_cents[:-1]))
