"""Who and what there is: customers, campaigns, devices, and the touches as rows."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from simulation.desk import DISTRIBUTORS, PLATFORMS, TRACKED, Desk
from simulation.invoices import coded, constant, numbered
from simulation.paths import (
    ACCOUNT,
    CHANNELS,
    CUSTOMER,
    DAY,
    KINDS,
    PERSON_LETTERS,
    SECOND_DEVICE,
    Touches,
)
from simulation.response import Whole
from simulation.tables import COLUMNS

OBJECTIVES = {"tv": "awareness", "out_of_home": "awareness", "video": "awareness"}


def touch_rows(desk: Desk, touches: Touches, so_far: int) -> pa.Table:
    """Raw `touchpoints`, by time; ids go on from `so_far`."""
    stage = desk.stage
    touches = touches.take(np.argsort(touches.moment, kind="stable"))
    count = len(touches)
    start = np.datetime64(stage.first_day, "D").astype(np.int64)
    is_account = touches.who == ACCOUNT
    letter = np.where(is_account, CUSTOMER, touches.who)
    person = numbered(coded(letter, list(PERSON_LETTERS)), touches.person)
    dealer = np.where(is_account, touches.place * desk.volume.dealers + touches.person, -1)
    platforms = [PLATFORMS.get(channel, "") for channel in CHANNELS]
    columns = {
        "touchpoint_id": numbered(constant("t", count), so_far + np.arange(count)),
        "date_day": pa.array((start + touches.moment // DAY).astype(np.int32)).cast(pa.date32()),
        "occurred_at": pa.array((start * DAY + touches.moment) * 1_000_000, pa.timestamp("us")),
        "time_zone": coded(touches.place, [t.time_zone for t in stage.territories]),
        "person_id": pc.if_else(pa.array(is_account), None, person),
        "account_id": coded(dealer, [f"a-{name}" for name in desk.dealers]),
        "kind": coded(touches.kind, list(KINDS)),
        "channel": coded(touches.channel, list(CHANNELS)),
        "platform": coded(np.where(touches.channel < len(TRACKED), touches.channel, -1), platforms),
        "campaign_id": coded(touches.campaign, desk.campaigns),
        "territory_id": coded(touches.place, stage.names),
        "seller_id": coded(touches.seller, [s.seller_id for s in desk.force.sellers]),
    }
    return pa.table({name: columns[name] for name in COLUMNS["touchpoints"]})


def customer_rows(desk: Desk, first_seen: Whole) -> pa.Table:
    """Raw `customers`: dealers and distributors, then people who have bought and are known.

    `first_seen` is the day of each person's first known order, by customer number; beyond the
    window: none. Distributors own the dealers that bear their number.
    """
    stage, each = desk.stage, desk.volume.dealers
    names = np.array(desk.dealers, dtype=object)
    position = np.arange(len(names)) % each
    is_distributor = position < DISTRIBUTORS
    titles = np.where(is_distributor, "Distributor", "Dealer")
    since = pd.Timestamp(stage.first_day) - pd.to_timedelta(30 * position + 30, unit="D")
    belongs = (np.arange(len(names)) // each) * each + position % DISTRIBUTORS
    chained = ~is_distributor & (position % 2 == 0)
    dealers = pa.table({
        "customer_id": pa.array(names),
        "customer_kind": constant("B2B", len(names)),
        "customer_name": pa.array(
            [f"{title} {name}" for title, name in zip(titles, names, strict=True)]
        ),
        "parent_id": pa.array(np.where(chained, names[belongs], None), pa.string()),
        "account_id": pa.array([f"a-{name}" for name in names]),
        "territory_id": coded(np.arange(len(names)) // each, stage.names),
        "segment": coded(is_distributor.astype(int), ["dealer", "distributor"]),
        "acquired_on": pa.array(
            since.to_numpy("datetime64[D]")
        ),
    })  # fmt: skip
    seen = np.flatnonzero(first_seen < stage.days)
    place = np.searchsorted(desk.customers, seen, side="right") - 1
    start = np.datetime64(stage.first_day, "D").astype(np.int64)
    nothing = pa.nulls(len(seen), pa.string())
    people = pa.table({
        "customer_id": numbered(constant("c", len(seen)), seen),
        "customer_kind": constant("B2C", len(seen)),
        "customer_name": nothing, "parent_id": nothing, "account_id": nothing,
        "territory_id": coded(place, stage.names),
        "segment": coded(seen % 3, ["single", "couple", "family"]),
        "acquired_on": pa.array((start + first_seen[seen]).astype(np.int32)).cast(pa.date32()),
    })  # fmt: skip
    texts = [
        pa.field(n, pa.date32() if n == "acquired_on" else pa.string())
        for n in COLUMNS["customers"]
    ]
    return pa.concat_tables([dealers.cast(pa.schema(texts)), people.cast(pa.schema(texts))])


def identity_rows(desk: Desk, first_seen: Whole) -> pa.Table:
    """Raw `identities`: every other second device, known once its owner has logged in on it.

    The others are never told; `device_rows` knows all.
    """
    seen = np.flatnonzero(first_seen < desk.stage.days)
    owners = seen[seen % (2 * SECOND_DEVICE) == 0]
    logged_in = first_seen[owners] + 1 + owners // SECOND_DEVICE % 60
    told = logged_in < desk.stage.days
    owners, logged_in = owners[told], logged_in[told]
    start = np.datetime64(desk.stage.first_day, "D").astype(np.int64)
    moment = (start + logged_in) * DAY + owners % DAY
    return pa.table({
        "person_id": numbered(constant("d", len(owners)), owners),
        "customer_id": numbered(constant("c", len(owners)), owners),
        "account_id": pa.nulls(len(owners), pa.string()),
        "merged_at": pa.array(moment * 1_000_000, pa.timestamp("us")),
    })  # fmt: skip


def device_rows(desk: Desk, first_seen: Whole) -> pa.Table:
    """Truth: keys of second devices and the customers they belong to."""
    seen = np.flatnonzero(first_seen < desk.stage.days)
    owners = seen[seen % SECOND_DEVICE == 0]
    return pa.table({
        "person_id": numbered(constant("d", len(owners)), owners),
        "customer_id": numbered(constant("c", len(owners)), owners),
    })  # fmt: skip


def campaign_table(spend: pd.DataFrame) -> pd.DataFrame:
    """Raw `campaigns`: those that money was spent on, from first to last day."""
    if spend.empty:
        return pd.DataFrame(columns=list(COLUMNS["campaigns"]))
    table = spend.groupby("campaign_id", as_index=False).agg(
        campaign_name=("campaign_name", "first"), platform=("platform", "first"),
        channel=("channel", "first"), starts_on=("date_day", "min"), ends_on=("date_day", "max"),
    )  # fmt: skip
    table["objective"] = table["channel"].map(OBJECTIVES).fillna("sales")
    return table[list(COLUMNS["campaigns"])]
