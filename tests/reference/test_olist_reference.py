"""A marketplace's 8,000 leads and the 842 it won land with their days and their people."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

pytestmark = pytest.mark.reference

LEADS = "sales/olist_marketing_qualified_leads_dataset.csv.gz"
DEALS = "sales/olist_closed_deals_dataset.csv.gz"
SAO_PAULO = ZoneInfo("America/Sao_Paulo")
SIGNED_FIRST = "b91cf8812365f50ff4bda4bcd6206b05"


@pytest.fixture(scope="module")
def olist(land_source: Any) -> Any:
    return land_source("olist")


def contacted(row: dict[str, str]) -> datetime:
    local = datetime.strptime(row["first_contact_date"], "%d-%m-%Y").replace(tzinfo=SAO_PAULO)
    return local.astimezone(UTC)


def test_every_lead_and_deal_lands(olist: Any, raw_rows: Any) -> None:
    assert olist.kept_and_rejected == {
        "opportunities": (8_000, 0), "touchpoints": (8_000, 0), "customers": (842, 0),
        "sellers": (41, 0), "territories": (1, 0),
    }  # fmt: skip
    assert (len(raw_rows(LEADS)), len(raw_rows(DEALS))) == (8_000, 842)
    stages = olist.query("select stage, count(*) from opportunities group by stage")
    assert dict(stages) == {"won": 842, "lead": 7_158}


def test_leads_and_wins_by_origin_are_the_files(olist: Any, raw_rows: Any) -> None:
    deals = {row["mql_id"] for row in raw_rows(DEALS)}
    leads = raw_rows(LEADS)
    landed = olist.query(
        "select channel, count(*), count(*) filter (stage = 'won') from opportunities group by all"
    )
    origins = Counter(row["origin"] or "unknown" for row in leads)
    wins = Counter(row["origin"] or "unknown" for row in leads if row["mql_id"] in deals)
    assert {channel: (count, won) for channel, count, won in landed} == {
        origin: (count, wins[origin]) for origin, count in origins.items()
    }
    # Sixty leads have no origin; they join those whose origin the file calls unknown.
    assert origins["unknown"] == 1_099 + 60
    visits = olist.query("select channel, count(*) from touchpoints group by channel")
    assert dict(visits) == dict(origins)


def test_days_are_day_first_and_brazils(olist: Any, raw_rows: Any) -> None:
    landed = {
        lead: (day, created)
        for lead, day, created in olist.query(
            "select opportunity_id, date_day, strftime(created_at, '%Y-%m-%d %H:%M') "
            "from opportunities"
        )
    }
    for row in raw_rows(LEADS):
        if row["mql_id"] != SIGNED_FIRST:
            at = contacted(row)
            assert landed[row["mql_id"]] == (at.astimezone(SAO_PAULO).date(), f"{at:%F %R}")
    days = [day for day, _ in landed.values()]
    assert (min(days), max(days)) == (date(2017, 6, 14), date(2018, 5, 31))


def test_times_of_signature_are_utc(olist: Any, raw_rows: Any) -> None:
    """Signatures without a clock time are midnights of Sao Paulo, before and after summer time."""
    deals = raw_rows(DEALS)
    landed = dict(
        olist.query(
            "select opportunity_id, strftime(closed_at, '%d-%m-%Y %H:%M') from opportunities"
        )
    )
    assert all(landed[row["mql_id"]] == row["won_date"] for row in deals)
    times = [
        datetime.strptime(row["won_date"], "%d-%m-%Y %H:%M").replace(tzinfo=UTC) for row in deals
    ]
    midnights = [at for at in times if f"{at.astimezone(SAO_PAULO):%R}" == "00:00"]
    assert Counter(at.hour for at in midnights) == {2: 12, 3: 49}
    end_of_summer_time = datetime(2018, 2, 18, tzinfo=SAO_PAULO)
    assert all((at < end_of_summer_time) == (at.hour == 2) for at in midnights)


def test_the_lead_signed_before_its_first_contact_starts_with_the_signature(olist: Any) -> None:
    assert olist.query(
        "select strftime(created_at, '%Y-%m-%d %H:%M'), strftime(closed_at, '%Y-%m-%d %H:%M') "
        f"from opportunities where opportunity_id = '{SIGNED_FIRST}'"
    ) == [("2018-03-06 19:38", "2018-03-06 19:38")]
    assert olist.query(
        "select opportunity_id from opportunities inner join touchpoints using (person_id) "
        "where created_at <> occurred_at"
    ) == [(SIGNED_FIRST,)]


def test_developer_representative_and_merchant_are_kept_apart(olist: Any, raw_rows: Any) -> None:
    landed = olist.query(
        "select opportunity_id, developer_id, seller_id, customer_id from opportunities "
        "where stage = 'won'"
    )
    deals = raw_rows(DEALS)
    assert set(landed) == {
        (row["mql_id"], row["sdr_id"], row["sr_id"], row["seller_id"]) for row in deals
    }
    developers = {row["sdr_id"] for row in deals}
    representatives = {row["sr_id"] for row in deals}
    assert (len(developers), len(representatives), len(developers & representatives)) == (
        32,
        22,
        13,
    )
    assert olist.one("select count(seller_id) from touchpoints") == 0


def test_what_a_merchant_sells_is_no_amount_of_the_deal(olist: Any, raw_rows: Any) -> None:
    assert sum(row["declared_monthly_revenue"] == "0" for row in raw_rows(DEALS)) == 797
    assert olist.one("select count(amount) from opportunities") == 0
