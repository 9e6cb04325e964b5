"""Path building on frames small enough to work out by hand, and against a plain walk in Python."""

# Moments of the SQL are UTC without a zone.
# ruff: noqa: DTZ001, DTZ901

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from liftcast import journeys_building
from liftcast.journeys_building import Built, Wishes, build, macros, open_scratch
from warehouse.errors import LiftcastError

Paths = list[tuple[str, ...]]


class Bench:
    """Files of touches and conversions, and what is built of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.connection: Any = None

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text("\n".join(line.strip() for line in text.strip().splitlines()) + "\n")
        return path

    def build(
        self, touches: str, conversions: str, wishes: Wishes | None = None, identities: str = ""
    ) -> Built:
        files = [self.file("touches.csv", touches), self.file("conversions.csv", conversions)]
        known = self.file("identities.csv", identities) if identities else None
        self.close()
        for old in self.folder.glob("work.duckdb*"):
            old.unlink()
        allowed = [*files, *([known] if known else [])]
        self.connection = open_scratch(self.folder, allowed, "500MB", 2)
        return build(self.connection, self.folder, (files[0], files[1], known), wishes or Wishes())

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql).fetchall()

    def paths(self) -> dict[str, tuple[str, ...]]:
        """Names on the way to every conversion."""
        names = [name for (name,) in self.rows("select name from names order by code")]
        found = self.rows(
            "select conversion_id, list_transform(coalesce(touches, []), lambda t: t.code) "
            "from journeys"
        )
        return {key: tuple(names[code] for code in codes) for key, codes in found}

    def missed(self, is_open: bool = False) -> Counter[tuple[str, ...]]:
        """Paths that ended with nothing, or may yet lead to something."""
        names = [name for (name,) in self.rows("select name from names order by code")]
        found = self.rows(f"select touches, journeys from missed_paths where is_open = {is_open}")
        counted: Counter[tuple[str, ...]] = Counter()
        for codes, journeys in found:
            counted[tuple(names[code] for code in codes)] += journeys
        return counted

    def weights(self, rule: str) -> dict[str, list[float]]:
        return dict(self.rows(f"select conversion_id, weights_{rule} from weighted"))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    found = Bench(tmp_path)
    yield found
    found.close()


ONE_SALE = """person_id,converted_at,conversion_id,value
ann,2024-03-10 12:00:00,o1,100.00"""


def test_a_window_holds_the_lookback_and_the_moment_itself(bench: Bench) -> None:
    bench.build(
        """person_id,occurred_at,channel
        ann,2024-03-10 12:00:00,at_once
        ann,2024-03-10 12:00:00.000001,too_late
        ann,2024-03-03 12:00:00,just_in
        ann,2024-03-03 11:59:59.999999,just_out""",
        ONE_SALE,
        Wishes(lookback={"": 7}),
    )
    assert bench.paths() == {"o1": ("just_in", "at_once")}


def test_a_touch_before_an_earlier_conversion_counts_again_only_if_wished(bench: Bench) -> None:
    touches = """person_id,occurred_at,channel
        ann,2024-03-01,tv
        ann,2024-03-05,search
        ann,2024-03-08,email"""
    conversions = """person_id,converted_at,conversion_id
        ann,2024-03-05 00:00:00,o1
        ann,2024-03-09 00:00:00,o2
        ann,2024-03-09 00:00:00,o3"""
    bench.build(touches, conversions)
    # Two orders of one moment share their path: neither is before the other.
    assert bench.paths() == {"o1": ("tv", "search"), "o2": ("email",), "o3": ("email",)}
    bench.build(touches, conversions, Wishes(reuse=True))
    every = ("tv", "search", "email")
    assert bench.paths() == {"o1": ("tv", "search"), "o2": every, "o3": every}


def test_a_missed_journey_ends_with_a_gap_and_an_open_one_is_no_null(bench: Bench) -> None:
    bench.build(
        """person_id,occurred_at,channel
        ann,2024-01-01,tv
        ann,2024-01-20,search
        ann,2024-03-01,tv
        bob,2024-03-09,email
        eve,2024-01-05,tv
        eve,2024-02-25,search
        eve,2024-02-29,email
        zoe,2024-03-10 12:00:00,tv""",
        """person_id,converted_at,conversion_id
        eve,2024-03-10 12:00:00,o1""",
        Wishes(lookback={"": 14}),
    )
    # eve's search is too old for the sale, but its journey came to one: no null.
    assert bench.paths() == {"o1": ("email",)}
    assert bench.missed() == Counter({("tv",): 2, ("search",): 1})
    assert bench.missed(is_open=True) == Counter({("tv",): 2, ("email",): 1})


def test_after_a_conversion_a_new_journey_begins(bench: Bench) -> None:
    bench.build(
        """person_id,occurred_at,channel
        ann,2024-03-01,tv
        ann,2024-03-02,search
        bob,2024-06-01,tv""",
        """person_id,converted_at,conversion_id
        ann,2024-03-01 12:00:00,o1""",
    )
    assert bench.paths() == {"o1": ("tv",)}
    assert bench.missed() == Counter({("search",): 1})


def test_an_account_gathers_its_people_and_its_sellers(bench: Bench) -> None:
    bench.build(
        """person_id,account_id,occurred_at,channel
        ann,acme,2024-01-01,search
        bob,acme,2024-02-01,email
        ,acme,2024-03-01,field_sales
        cid,,2024-03-01,tv""",
        """account_id,converted_at,conversion_id
        acme,2024-03-05 00:00:00,o1""",
        Wishes(lookback={"conversion": 180, "": 1}),
    )
    assert bench.paths() == {"o1": ("search", "email", "field_sales")}


def test_machines_among_the_people_of_an_account_or_person_are_found(bench: Bench) -> None:
    clicks = "\n".join(
        f"{person},{account},2024-03-01 10:00:{second:02d},ad"
        for person, account in (("script", "acme"), ("robot", ""))
        for second in range(12)
    )
    built = bench.build(
        f"""person_id,account_id,occurred_at,channel
        ann,acme,2024-03-01 09:00:00,search
        eve,,2024-03-01 09:00:00,email
        ,acme,2024-03-02 09:00:00,call
        {clicks}""",
        """person_id,account_id,converted_at,conversion_id
        ,acme,2024-03-03 10:00:00,o1
        eve,,2024-03-03 10:00:00,o2""",
        Wishes(bots=(10, 60.0)),
        "person_id,customer_id\nrobot,eve",
    )
    assert bench.paths() == {"o1": ("search", "call"), "o2": ("email",)}
    [(reason, touches, _)] = built.left_out.rows
    assert reason.startswith("touch of a machine (2 persons,")
    assert touches == 24


def test_identities_that_merge_later_join_the_paths(bench: Bench) -> None:
    touches = """person_id,occurred_at,channel
        phone,2024-03-01,tv
        laptop,2024-03-02,search
        ann,2024-03-03,email"""
    merges = """person_id,customer_id,merged_at
        phone,laptop,2024-03-20
        laptop,bob,2024-01-01
        laptop,ann,2024-03-21
        ,ann,2024-01-01"""
    built = bench.build(touches, ONE_SALE, identities=merges)
    assert bench.paths() == {"o1": ("tv", "search", "email")}
    assert ("earlier identity of a person that has a later one", 1, "") in built.left_out.rows
    assert ("identity without a person or a customer", 1, "") in built.left_out.rows
    with pytest.raises(LiftcastError, match="circle"):
        bench.build(touches, ONE_SALE, identities="person_id,customer_id\na,b\nb,a")


def test_local_time_is_converted_and_a_day_ends_where_its_zone_says(bench: Bench) -> None:
    # Summer time began in Berlin on 2024-03-31 at 02:00, which does not exist there.
    berlin = Wishes(zone="Europe/Berlin", lookback={"": 1})
    bench.build(
        """person_id,occurred_at,channel
        ann,2024-03-31 01:59:00,winter
        ann,2024-03-31 03:01:00,summer
        ann,2024-03-31T02:00:00+02:00,offset""",
        """person_id,converted_at,conversion_id
        ann,2024-03-31,day""",
        berlin,
    )
    # A window is 24 hours even on a day of 23.
    assert bench.rows("select converted_at from conversions") == [
        (datetime(2024, 3, 31, 21, 59, 59, 999999),)
    ]
    assert bench.rows("select occurred_at from touches order by 1") == [
        (datetime(2024, 3, 31, 0, 0),), (datetime(2024, 3, 31, 0, 59),),
        (datetime(2024, 3, 31, 1, 1),),
    ]  # fmt: skip
    assert bench.paths() == {"day": ("offset", "winter", "summer")}
    # In autumn an hour comes twice; the second is meant.
    bench.build(
        "person_id,occurred_at,channel\nann,2024-10-27 02:30:00,once",
        "person_id,converted_at\nann,2024-10-27 12:00:00",
        berlin,
    )
    assert bench.rows("select occurred_at from touches") == [(datetime(2024, 10, 27, 1, 30),)]


def test_ties_stand_in_the_order_of_names_and_repeats_count_once(bench: Bench) -> None:
    built = bench.build(
        """person_id,occurred_at,channel
        ann,2024-03-09,tv
        ann,2024-03-09,search
        ann,2024-03-09,tv""",
        ONE_SALE,
    )
    assert bench.paths() == {"o1": ("search", "tv")}
    assert built.left_out.rows == [("touch of the same person, moment and name as another", 1, "")]


def test_what_leads_to_nothing_is_counted_with_an_example(bench: Bench) -> None:
    rows = "\n".join(f"bot,2024-03-09 10:00:{second:02d},tv" for second in range(12))
    slow = "\n".join(f"slow,2024-03-{day:02d},tv" for day in range(1, 13))
    built = bench.build(
        f"""person_id,occurred_at,channel
        ann,2024-03-09,tv
        ann,the ninth,tv
        ann,1024-03-09,tv
        ann,2024-03-09,
        ,2024-03-09,tv
        ann,2024-03-11,tv
        {rows}
        {slow}""",
        ONE_SALE + "\n,2024-03-01 00:00:00,o2,5\nann,2024-03-10 12:00:00,o1,100.00",
        Wishes(bots=(10, 5), until=datetime(2024, 3, 10, 12)),
    )
    assert {(reason, count) for reason, count, _ in built.left_out.rows} == {
        ("touch without a channel", 1),
        ("touch without person or account", 1),
        ("touch whose moment cannot be read", 2),
        ("touch after the end of observation", 3),
        ("touch of a machine (1 persons, more than 10 touches in 5 minutes)", 12),
        ("conversion that stands twice (counted once)", 1),
        ("conversion without a person or account (unattributed)", 1),
    }
    assert bench.paths() == {"o1": ("tv",), "o2": ()}
    assert bench.missed(is_open=True) == Counter({("tv",) * 10: 1})


def test_transforms_come_in_their_order(bench: Bench) -> None:
    touches = """person_id,occurred_at,channel
        ann,2024-03-01,direct
        ann,2024-03-02,tv
        ann,2024-03-03,direct
        ann,2024-03-04,tv
        ann,2024-03-05,search
        ann,2024-03-06,email
        bob,2024-03-01,direct
        bob,2024-03-02,direct"""
    sales = ONE_SALE + "\nbob,2024-03-10 12:00:00,o2,1"

    def paths(**more: Any) -> dict[str, tuple[str, ...]]:
        bench.build(touches, sales, Wishes(direct="direct", **more))
        return bench.paths()

    alone = ("direct", "direct")
    assert paths(drop_direct=True) == {"o1": ("tv", "tv", "search", "email"), "o2": alone}
    assert paths(drop_direct=True, collapse=True) == {
        "o1": ("tv", "search", "email"), "o2": ("direct",),
    }  # fmt: skip
    assert paths(longest=2) == {"o1": ("search", "email"), "o2": alone}
    assert paths(longest=2, keep_first=True) == {"o1": ("direct", "email"), "o2": alone}
    assert paths(longest=1, keep_first=True) == {"o1": ("direct",), "o2": ("direct",)}
    # Missed journeys are treated alike.
    bench.build(
        touches, "person_id,converted_at\neve,2024-06-01",
        Wishes(direct="direct", drop_direct=True, collapse=True),
    )  # fmt: skip
    assert bench.missed() == Counter({("tv", "search", "email"): 1, ("direct",): 1})


def test_grains_name_touches_by_channel_campaign_or_territory(bench: Bench) -> None:
    touches = """person_id,occurred_at,channel,campaign_id,territory_id
        ann,2024-03-01,search,spring,north
        ann,2024-03-02,direct,,"""
    found = {}
    for grain in ("channel", "campaign", "territory"):
        bench.build(touches, ONE_SALE, Wishes(grain=grain))
        found[grain] = bench.paths()["o1"]
    assert found == {
        "channel": ("search", "direct"),
        "campaign": ("spring", "(no campaign) direct"),
        "territory": ("north", "(no territory)"),
    }


def test_returns_take_their_value_back(bench: Bench) -> None:
    bench.build(
        "person_id,occurred_at,channel\nann,2024-03-01,tv\nbob,2024-03-01,tv",
        """person_id,converted_at,conversion_id,value
        ann,2024-03-10,part,100.00
        ann,2024-04-10,part,-30.00
        bob,2024-03-10,whole,50.00
        bob,2024-03-20,whole,-50.00
        bob,2024-03-21,unknown,-7.00""",
    )
    assert bench.rows(
        "select conversion_id, conversions, value, unit_id from conversions order by 1"
    ) == [
        ("part", 1, Decimal("70.00"), "ann"),
        ("unknown", 0, Decimal("-7.00"), None),
        ("whole", 0, Decimal("0.00"), "bob"),
    ]
    assert bench.paths() == {"part": ("tv",), "whole": ("tv",), "unknown": ()}


STAGED = """person_id,converted_at,conversion_id,value,lead_at,opportunity_at
ann,2024-03-20 00:00:00,{id},100.00,{lead},{opportunity}"""
FIVE = """person_id,occurred_at,channel
    ann,2024-03-01,a
    ann,2024-03-02,b
    ann,2024-03-03,c
    ann,2024-03-04,d
    ann,2024-03-05,e"""


@pytest.mark.parametrize(
    ("lead", "opportunity", "expected"),
    [
        # First touch, the last one up to the lead, the last one up to the opportunity.
        ("2024-03-02 06:00:00", "2024-03-04 00:00:00", [0.3, 0.3, 0.05, 0.3, 0.05]),
        # The same touch made the lead and the opportunity.
        ("2024-03-03 01:00:00", "2024-03-03 02:00:00", [0.3, 0.1 / 3, 0.6, 0.1 / 3, 0.1 / 3]),
        # No opportunity: its 30 % go to the others in proportion.
        ("2024-03-02 06:00:00", "", [3 / 7, 3 / 7, 1 / 21, 1 / 21, 1 / 21]),
        # A lead before any touch, an opportunity after the conversion: as position.
        ("2024-02-01 00:00:00", "2024-04-01 00:00:00", [0.4, 0.2 / 3, 0.2 / 3, 0.2 / 3, 0.4]),
    ],
)
def test_w_shaped_credits_milestones(
    bench: Bench, lead: str, opportunity: str, expected: list[float]
) -> None:
    bench.build(FIVE, STAGED.format(id="o1", lead=lead, opportunity=opportunity))
    assert bench.weights("w_shaped")["o1"] == pytest.approx(expected, abs=1e-15)


def test_rules_share_by_place_time_and_name(bench: Bench) -> None:
    bench.build(
        """person_id,occurred_at,channel
        ann,2024-03-01,a
        ann,2024-03-08,b
        ann,2024-03-08 12:00:00,a
        ann,2024-03-15,direct""",
        "person_id,converted_at,conversion_id\nann,2024-03-16 00:00:00,o1",
        Wishes(direct="direct", half_life=7),
    )
    half = 2 ** (-6.5 / 7)
    whole = 0.25 + 0.5 + half + 1
    for rule, expected in {
        "first": [1, 0, 0, 0],
        "last": [0, 0, 0, 1],
        "last_non_direct": [0, 0, 1, 0],
        "linear": [0.25] * 4,
        "position": [0.4, 0.1, 0.1, 0.4],
        "time_decay": [0.25 / whole, 0.5 / whole, half / whole, 1 / whole],
        "shapley": [1 / 6, 1 / 3, 1 / 6, 1 / 3],
    }.items():
        assert bench.weights(rule)["o1"] == pytest.approx(expected, abs=1e-15), rule


def test_every_rule_gives_all_to_an_only_touch(bench: Bench) -> None:
    bench.build("person_id,occurred_at,channel\nann,2024-03-01,direct", ONE_SALE,
                Wishes(direct="direct"))  # fmt: skip
    for rule in ("first", "last", "last_non_direct", "linear", "position", "time_decay",
                 "w_shaped", "shapley"):  # fmt: skip
        assert bench.weights(rule) == {"o1": [1.0]}


@pytest.mark.parametrize(
    ("weights", "total", "expected"),
    [
        ([1 / 3, 1 / 3, 1 / 3], 100, [34, 33, 33]),
        ([0.4, 0.2, 0.4], 1001, [401, 200, 400]),
        # 0.5, 1.5 and 3 lose a half, a half, nothing: the earlier of two equals gets the cent.
        ([0.1, 0.3, 0.6], 5, [1, 1, 3]),
        ([0.1, 0.3, 0.6], -5, [-1, -1, -3]),
        ([0.5, 0.5], -1, [-1, 0]),
        ([1.0], 7, [7]),
        ([0.25, 0.75], 0, [0, 0]),
        ([1 / 7] * 7, 10**12, [142857142858] * 1 + [142857142857] * 6),
    ],
)
def test_cents_are_dealt_by_the_largest_remainder(
    weights: list[float], total: int, expected: list[int]
) -> None:
    with duckdb.connect() as connection:
        connection.execute("create table w (weights_r double[], total bigint)")
        connection.execute("insert into w values (?, ?)", [weights, total])
        parts = macros().journeys_parts("w", ["r"], {"cents": "total"})
        found = connection.execute(f"select parts_cents_r from ({parts})").fetchall()
    assert found == [(expected,)]
    assert sum(found[0][0]) == total


def test_parts_of_random_weights_sum_to_their_total() -> None:
    chance = random.Random(5)
    with duckdb.connect() as connection:
        connection.execute("create table w (weights_r double[], total bigint)")
        for _ in range(300):
            raw = [chance.random() ** 4 for _ in range(chance.randrange(1, 40))]
            total = chance.choice([0, 1, -1, 99, 12_345, -(10**9), 10**13])
            connection.execute(
                "insert into w values (?, ?)", [[part / sum(raw) for part in raw], total]
            )
        parts = macros().journeys_parts("w", ["r"], {"cents": "total"})
        found = connection.execute(
            f"select weights_r, total, parts_cents_r from ({parts})"
        ).fetchall()
    for weights, total, dealt in found:
        assert sum(dealt) == total
        for weight, part in zip(weights, dealt, strict=True):
            assert abs(part - weight * total) < 1 + 1e-12 * abs(total)
            assert part * total >= 0


# --- against a plain walk -------------------------------------------------------------------------


def walked(
    touches: dict[str, list[tuple[datetime, str]]],
    sales: dict[str, list[datetime]],
    lookback: timedelta,
    until: datetime,
) -> tuple[Counter[Any], Counter[Any], Counter[Any]]:
    """Paths of conversions, of missed journeys and of open ones, a person and a touch at a time."""
    sold: Counter[Any] = Counter()
    missed: Counter[Any] = Counter()
    still: Counter[Any] = Counter()
    for person, met in touches.items():
        met.sort()
        ends = sorted(sales.get(person, []))
        reached: set[int] = set()
        before = datetime.min
        for end in ends:
            inside = [
                place
                for place, (moment, _) in enumerate(met)
                if before < moment <= end and moment >= end - lookback
            ]
            reached.update(inside)
            sold[tuple(met[place][1] for place in inside)] += 1
            before = end
        journey: list[int] = []
        for place, (moment, _) in enumerate([*met, (datetime.max, "")]):
            if journey:
                last = met[journey[-1]][0]
                crossed = any(last <= end < moment for end in ends)
                if crossed or moment == datetime.max or moment - last > lookback:
                    if not reached.intersection(journey):
                        later = any(end >= last for end in ends)
                        path = tuple(met[one][1] for one in journey)
                        if later or last + lookback <= until:
                            missed[path] += 1
                        else:
                            still[path] += 1
                    journey = []
            journey.append(place)
    return sold, missed, still


@pytest.mark.parametrize("seed", range(4))
def test_built_paths_are_those_of_a_plain_walk(
    bench: Bench, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The last of them in several parts, as millions of touches are.
    monkeypatch.setattr(journeys_building, "_PART", 150 if seed == 3 else 10**9)
    chance = random.Random(seed)
    start = datetime(2024, 1, 1)
    touches: dict[str, list[tuple[datetime, str]]] = {}
    sales: dict[str, list[datetime]] = {}
    for number in range(150):
        person = f"p{number}"
        moments = chance.sample(range(60 * 24), chance.randrange(1, 12))
        touches[person] = [
            (start + timedelta(hours=hour), chance.choice("abc")) for hour in moments
        ]
        if chance.random() < 0.5:
            sales[person] = [
                start + timedelta(hours=hour)
                for hour in chance.sample(range(70 * 24), chance.randrange(1, 4))
            ]
    until = start + timedelta(days=61)
    bench.build(
        "person_id,occurred_at,channel\n"
        + "\n".join(f"{p},{m},{name}" for p, met in touches.items() for m, name in met),
        "person_id,converted_at\n"
        + "\n".join(f"{p},{m}" for p, ends in sales.items() for m in ends),
        Wishes(lookback={"": 5}, until=until),
    )
    sold, missed, still = walked(touches, sales, timedelta(days=5), until)
    assert Counter(bench.paths().values()) == sold
    assert bench.missed() == missed
    assert bench.missed(is_open=True) == still
    assert sold and missed and still
