"""Which contract tables a file's columns could fill, and how."""

from __future__ import annotations

from collections.abc import Mapping

from ingestion import vocabulary
from ingestion.connectors.scratch import identifier
from ingestion.drafting import ALL, CURRENCY, FILL_IN, Desk, Draft
from ingestion.guessing import Column
from ingestion.wording import listed, quoted

_ASKED_OF_SALES = {
    "sales_channel": "shop, web, field sales",
    "sales_level": "factory, distributor, broker or shop",
    "customer_kind": "B2C or B2B",
}


def drafts(columns: Mapping[str, Column], rows: int, remarks: list[str]) -> list[Draft]:
    """Entries for a file, what they refer to (territories, products) first.

    Args:
        columns: the file's columns by name.
        rows: rows of the sample.
        remarks: what a person should know is added here.
    """
    desk = Desk(columns, rows, remarks)
    for rule in (_touches, _opportunities, _quotas, _promotions, _holidays):
        if found := rule(desk):
            return _with_references(desk, found)
    found = [*_media(desk), *_ledger(desk), *_controls(desk), *_events(desk)]
    return _with_references(desk, found or _catalogues(desk))


def _media(desk: Desk) -> list[Draft]:
    day = desk.day()
    if day is None:
        return []
    spent = [channel for channel, measures in desk.media.items() if "spend" in measures]
    if len(spent) > 1 or (spent and len(desk.media) > 1) or (spent and desk.number("net_revenue")):
        return [_wide(desk, day)]
    names = (
        "platform", "account_id", "account_name", "campaign_id", "campaign_name", "ad_group_id",
        "ad_group_name", "ad_id", "ad_name", "channel", "impressions", "clicks", "reach",
        "frequency", "conversions", "conversions_value",
    )  # fmt: skip
    cost = desk.number("spend")
    about = desk.picked(*names)
    if cost is None or not about:
        return []
    draft = Draft("ad_spend", columns={**about, "spend": cost})
    desk.period(draft, day)
    desk.place(draft)
    desk.currency(draft, [cost])
    draft.constants["channel_kind"] = "paid"
    if "platform" not in about:
        draft.ask("platform", "seller of the advertising")
    if "channel" not in about:
        if "platform" in about:
            draft.templates["channel"] = "{platform}"
        else:
            draft.ask("channel", "tv, search, social")
    return [draft]


def _wide(desk: Desk, day: str) -> Draft:
    draft = Draft("ad_spend")
    desk.period(draft, day)
    desk.place(draft)
    for channel, measures in desk.media.items():
        kind = "paid" if "spend" in measures else "organic"
        about = {"channel": channel, "channel_kind": kind, "platform": channel}
        if kind == "organic":
            about["spend"] = "0"
        draft.unpivot.append((about, dict(measures)))
    desk.currency(draft, [measures.get("spend") for measures in desk.media.values()])
    return draft


def _ledger(desk: Desk) -> list[Draft]:
    day = desk.day()
    revenue, units = desk.number("net_revenue"), desk.number("units")
    each, counted = desk.number("revenue_per_unit"), desk.number("conversions")
    if day is None or not (revenue or units or (each and counted)):
        return []
    if desk.number("spend") and not desk.media and not (revenue and desk.pick("order_id")):
        return []
    draft = Draft("sales")
    desk.period(draft, day)
    desk.place(draft)
    draft.columns |= desk.picked(
        "product_id", "customer_id", "rep_id", "promotion_id", "campaign_id", "units", "list_price",
        "unit_cost", "discount",
    )  # fmt: skip
    if revenue:
        draft.columns["net_revenue"] = revenue
    elif each and counted:
        draft.multiply["net_revenue"] = (counted, each)
        draft.columns["units"] = counted
    elif units and (price := desk.number("list_price")):
        draft.multiply["net_revenue"] = (units, price)
    else:
        draft.ask("net_revenue", "the file has units and no revenue")
    if "product_id" not in draft.columns:
        draft.constants["product_id"] = ALL
    for name, hint in _ASKED_OF_SALES.items():
        draft.ask(name, hint)
    desk.currency(draft, [revenue])
    _lines(desk, draft)
    return [draft]


def _lines(desk: Desk, draft: Draft) -> None:
    """Order and line: of the file where it has them, else made of what names a row."""
    order, line = desk.pick("order_id"), desk.number("line_number")
    if order is None:
        named = [n for n in ("territory_id", "product_id", "customer_id") if n in draft.columns]
        draft.templates["order_id"] = "-".join(f"{{{name}}}" for name in ("date_day", *named))
        draft.constants["line_number"] = "1"
        return
    draft.columns["order_id"] = order
    if line is not None:
        draft.columns["line_number"] = line
        return
    cells = desk.columns[order].cells
    if len(set(cells)) == len(cells):
        draft.constants["line_number"] = "1"
        return
    sql = (
        "select *, row_number() over "  # noqa: S608
        f"(partition by {identifier(order)} order by _row_number) "
        "as line_number from data order by _row_number"
    )
    draft.queries.append(("lines", sql))
    draft.from_ = "lines"
    desk.remarks.append(f"{quoted(order)} has several lines: a query counts them")


def _controls(desk: Desk) -> list[Draft]:
    day = desk.day()
    if day is None or not desk.media:
        return []
    found = []
    for name, column in desk.columns.items():
        word = vocabulary.plain(name)
        if column.is_number and any(part in word for part in ("control", "competitor", "weather")):
            draft = Draft("controls", columns={"value": name})
            desk.period(draft, day)
            desk.place(draft)
            draft.constants["control"] = word
            found.append(draft)
    return found


def _events(desk: Desk) -> list[Draft]:
    day, event = desk.day(), desk.pick("events", lambda c: not c.is_number and bool(c.cells))
    if day is None or event is None or len(desk.columns[event].cells) > desk.rows // 2:
        return []
    draft = Draft("publicity", columns={"event_name": event}, where={event: "present"})
    desk.period(draft, day)
    desk.place(draft)
    draft.constants |= {"kind": "publicity", "cost": "0"}
    draft.hints["kind"] = "publicity, or public_relations where somebody worked for it"
    desk.currency(draft, [])
    draft.templates["event_id"] = "{event_name}-{date_day}"
    return [draft]


def _touches(desk: Desk) -> list[Draft]:
    when, who = desk.day("occurred_at"), desk.pick("person_id")
    channel = desk.pick("channel") or desk.pick("platform")
    if when is None or who is None or channel is None or desk.number("spend"):
        return []
    draft = Draft(
        "touchpoints", columns={"occurred_at": when, "person_id": who, "channel": channel}
    )
    draft.columns |= desk.picked("touchpoint_id", "campaign_id", "kind")
    if "touchpoint_id" not in draft.columns:
        draft.templates["touchpoint_id"] = "{person_id}-{occurred_at}-{channel}"
    if "kind" not in draft.columns:
        draft.ask("kind", "ad_click, ad_view, visit, email, call, meeting")
    return [draft]


def _opportunities(desk: Desk) -> list[Draft]:
    key = desk.pick("opportunity_id")
    created, closed = desk.day("created_at"), desk.day("closed_at")
    when = created or closed
    if key is None or when is None:
        return []
    draft = Draft("opportunities", columns={"opportunity_id": key, "created_at": when})
    if closed:
        draft.columns["closed_at"] = closed
    if created is None:
        desk.remarks.append("no column says when an opportunity began: created_at is the closing")
    draft.columns |= desk.picked(
        "channel", "segment", "seller_id", "developer_id", "campaign_id", "territory_id", "amount"
    )
    if stage := desk.pick("stage"):
        draft.columns["stage"] = stage
    else:
        draft.ask("stage", "lead, qualified, proposal, won, lost", "won" if closed else "lead")
    if "amount" in draft.columns:
        desk.currency(draft, [draft.columns["amount"]])
    return [draft]


def _quotas(desk: Desk) -> list[Draft]:
    amount = desk.number("revenue")
    start = desk.day("starts_on") or desk.day()
    if amount is None or start is None:
        return []
    draft = Draft("quotas", columns={"starts_on": start, "revenue": amount})
    draft.columns |= desk.picked("seller_id", "territory_id", "product_id")
    if end := desk.day("ends_on"):
        draft.columns["ends_on"] = end
    else:
        draft.ask("ends_on", "last day, or offset_days: {ends_on: [starts_on, 90]}")
    desk.currency(draft, [amount])
    return [draft]


def _promotions(desk: Desk) -> list[Draft]:
    start, end = desk.day("starts_on"), desk.day("ends_on")
    depth = desk.number("discount_pct")
    about = desk.picked("promotion_id", "promotion_name", "product_id", "campaign_id")
    if start is None or end is None or not (depth or "promotion_id" in about):
        return []
    draft = Draft("promotions", columns={**about, "starts_on": start, "ends_on": end})
    if depth:
        draft.columns["discount_pct"] = depth
    desk.place(draft)
    if "promotion_id" not in about:
        name = "{promotion_name}-" if "promotion_name" in about else ""
        draft.templates["promotion_id"] = name + "{starts_on}"
    draft.ask("kind", "price_cut, coupon, feature, display, sample, contest, ...")
    draft.ask("fixed_cost", "cost that does not grow with volume", "0")
    draft.ask("variable_cost", "cost that grows with volume", "0")
    desk.currency(draft, [])
    return [draft]


def _holidays(desk: Desk) -> list[Draft]:
    day, holiday = desk.day(), desk.pick("holiday", lambda c: not c.is_number)
    if day is None or holiday is None or desk.number("net_revenue") or desk.media:
        return []
    draft = Draft("holidays", columns={"date_day": day, "holiday": holiday})
    if country := desk.pick("country"):
        draft.columns["country_code"] = country
    else:
        draft.ask("country_code", "ISO 3166 code of the country")
    return [draft]


def _catalogues(desk: Desk) -> list[Draft]:
    """Files without a day: products, customers, sellers, campaigns, territories."""
    for table, key, others in (
        ("products", "product_id", ("product_name", "brand", "category", "list_price")),
        ("customers", "customer_id", ("segment", "territory_id")),
        ("sellers", "seller_id", ("seller_name", "territory_id")),
        ("campaigns", "campaign_id", ("campaign_name", "platform", "channel")),
        ("territories", "territory_id", ("territory_name", "population")),
    ):
        about = desk.picked(key, *others)
        if key not in about or (len(about) == 1 and table not in ("customers", "territories")):
            continue
        draft = Draft(table, columns=about)
        if table == "products" and "product_name" not in about:
            draft.columns["product_name"] = about[key]
        if table == "customers":
            draft.ask("customer_kind", "B2C or B2B")
        if table == "sellers":
            draft.ask("kind", "who employs the seller")
        if table == "territories":
            draft.columns.setdefault("territory_name", about[key])
            desk.currency(draft, [])
        if "list_price" in about:
            desk.currency(draft, [about["list_price"]])
        return [draft]
    return []


def _with_references(desk: Desk, found: list[Draft]) -> list[Draft]:
    """Territories and products that facts name, out of the same file, before them."""
    happened = [d for d in found if d.table in ("ad_spend", "sales", "publicity", "promotions")]
    if not happened:
        return found
    first: list[Draft] = []
    column = happened[0].columns.get("territory_id")
    currencies = {d.constants["currency_code"] for d in happened if "currency_code" in d.constants}
    code = currencies.pop() if len(currencies) == 1 else FILL_IN
    if column is None:
        record = {"territory_id": ALL, "territory_name": "Everywhere", "currency_code": code}
        first.append(Draft("territories", records=[record], hints={"currency_code": CURRENCY}))
    else:
        draft = Draft(
            "territories",
            columns={"territory_id": column, "territory_name": column},
            constants={"currency_code": code},
            hints={"currency_code": CURRENCY} if code == FILL_IN else {},
            distinct=True,
        )
        if people := desk.number("population"):
            draft.columns["population"] = people
        first.append(draft)
    ledger = next((d for d in happened if d.table == "sales"), None)
    if ledger is not None:
        product = ledger.columns.get("product_id")
        if product is None:
            first.append(Draft("products", records=[{"product_id": ALL, "product_name": "All"}]))
        else:
            about = {"product_id": product, "product_name": desk.pick("product_name") or product}
            first.append(Draft("products", columns=about, distinct=True))
    flags = [n for n in desk.columns if vocabulary.plain(n) in ("promo", "promotion", "on_promo")]
    if flags and not any(d.table == "promotions" for d in found):
        desk.remarks.append(
            f"{listed(flags)} looks like a mark of promotion days: see sources/README.md to map it"
        )
    return [*first, *found]
