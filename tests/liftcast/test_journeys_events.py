"""From rows of touches to credit in one command, as a user types it."""

from __future__ import annotations

import csv
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from liftcast import cli, journeys_building
from models.journeys import attribute, read_paths

Run = Callable[..., tuple[int, str, str]]
TOUCHES = """person_id,occurred_at,channel
ann,2024-03-01 10:00:00,search
ann,2024-03-02 10:00:00,email
bob,2024-03-01 10:00:00,=cmd()
eve,2024-01-01 10:00:00,search
eve,2024-03-20 10:00:00,email
"""
SALES = """person_id,converted_at,conversion_id,value
ann,2024-03-03 10:00:00,o1,100.01
bob,2024-03-03 10:00:00,o2,50
cid,2024-03-03 10:00:00,o3,7
"""


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Exit code, text and errors of a command, run in this process: it is quicker."""
    monkeypatch.setenv("COLUMNS", "200")

    def ran(*more: str | Path, touches: str = TOUCHES, sales: str = SALES) -> tuple[int, str, str]:
        (tmp_path / "touches.csv").write_text(touches)
        (tmp_path / "sales.csv").write_text(sales)
        files = ["--touches", tmp_path / "touches.csv", "--conversions", tmp_path / "sales.csv"]
        arguments = [*files, "--out", tmp_path / "out", "--draws", "0", *more]
        monkeypatch.setattr(
            sys, "argv", ["liftcast", "journeys", "from-events", *map(str, arguments)]
        )
        with pytest.raises(SystemExit) as ended:
            cli.main()
        shown = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, shown.out, shown.err

    return ran


def test_credit_sums_to_all_conversions_and_names_what_is_left_out(
    run: Run, tmp_path: Path
) -> None:
    code, shown, errors = run("--draws", "20", "--touch-credit", "csv")
    assert code == 0, errors
    out = tmp_path / "out"
    assert {file.name for file in out.iterdir()} == {
        "credit.csv", "removal.csv", "left_out.csv", "touch_credit.csv",
    }  # fmt: skip
    rows = _table(out / "credit.csv")
    assert list(rows[0]) == [
        *("channel", "rule", "conversions", "value"),
        *("p05", "p95", "value_p05", "value_p95"),
    ]
    rules = {row["rule"] for row in rows}
    assert rules == {"first", "last", "linear", "position", "time_decay", "markov", "shapley"}
    for rule in rules:
        mine = [row for row in rows if row["rule"] == rule]
        assert sum(float(row["conversions"]) for row in mine) == pytest.approx(3)
        assert sum(float(row["value"]) for row in mine) == pytest.approx(157.01)
        lost = next(row for row in mine if row["channel"] == "(unattributed)")
        assert (lost["conversions"], lost["value"], lost["p05"]) == ("1", "7", "")
    linear = {row["channel"]: row["value"] for row in rows if row["rule"] == "linear"}
    assert linear == {"search": "50.005", "email": "50.005", "'=cmd()": "50",
                      "(unattributed)": "7"}  # fmt: skip
    # eve's first journey ended with nothing, the second may still lead to something.
    assert "1 journeys may still lead" in errors
    removal = {row["channel"]: float(row["removal_effect"]) for row in _table(out / "removal.csv")}
    # search > email and search > nothing, =cmd(): two of three journeys convert, one by each.
    assert removal == pytest.approx({"search": 0.5, "email": 0.5, "'=cmd()": 0.5})
    assert "3 conversions, 2 of which reach a touch" in shown
    touches = _table(out / "touch_credit.csv")
    assert [row["channel"] for row in touches] == ["search", "email", "'=cmd()"]
    assert [row["value_linear"] for row in touches] == ["50.01", "50.00", "50.00"]


def test_rules_agree_with_the_paths_of_the_python_room(run: Run, tmp_path: Path) -> None:
    chance = random.Random(3)
    met: dict[str, list[str]] = defaultdict(list)
    # Touches up to the twelfth of March, when everybody is a lead.
    early: Counter[str] = Counter()
    rows = []
    for number in range(400):
        for hour in sorted(chance.sample(range(600), chance.randrange(1, 7))):
            name = chance.choice(["tv", "search", "email", "direct"])
            met[f"p{number}"].append(name)
            early[f"p{number}"] += hour <= 264
            rows.append(f"p{number},2024-03-{1 + hour // 24:02d} {hour % 24:02d}:00:00,{name}")
    sold = {f"p{number}": Decimal(chance.randrange(1, 9999)) / 100 for number in range(0, 400, 3)}
    rules = ("first", "last", "last_non_direct", "linear", "position", "w_shaped", "shapley",
             "markov", "shapley_rate")  # fmt: skip
    code, _, errors = run(
        "--rules", ",".join(rules), "--direct", "direct", "--until", "2024-06-01",
        touches="person_id,occurred_at,channel\n" + "\n".join(rows),
        sales="person_id,converted_at,value,lead_at\n" + "\n".join(
            f"{person},2024-03-28 00:00:00,{value},2024-03-12 00:00:00"
            for person, value in sold.items()
        ),
    )  # fmt: skip
    assert code == 0, errors
    frame = pd.DataFrame(
        [(" > ".join(path), float(person in sold), float(sold.get(person, 0)),
          float(person not in sold), early[person]) for person, path in met.items()],
        columns=["path", "conversions", "value", "nulls", "lead"],
    )  # fmt: skip
    expected = attribute(read_paths(frame, stages=True), rules, draws=0, direct="direct").credit()
    found = pd.read_csv(tmp_path / "out" / "credit.csv")
    both = expected.merge(found, on=["channel", "rule"], suffixes=("", "_sql"))
    assert len(both) == len(expected) == len(found)
    for column in ("conversions", "value"):
        assert both[column].to_numpy() == pytest.approx(both[f"{column}_sql"].to_numpy(), rel=1e-9)


@pytest.mark.parametrize("part", [4_000_000, 3])
def test_credit_of_touches_names_them_where_they_have_ids(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    monkeypatch.setattr(journeys_building, "_PART", part)
    head, *rows = TOUCHES.splitlines()
    ids = ["t2", "", "=1+1", "t4", "t5"]
    numbered = [f"{row},{number}" for row, number in zip(rows, ids, strict=True)]
    # The same touch once more: it counts once, under the first of its ids.
    twice = "ann,2024-03-01 10:00:00,search,t1"
    code, _, errors = run(
        "--touch-credit", "csv", touches="\n".join([f"{head},touchpoint_id", *numbered, twice])
    )
    assert code == 0, errors
    touches = _table(tmp_path / "out" / "touch_credit.csv")
    assert [(row["touchpoint_id"], row["channel"]) for row in touches] == [
        ("t1", "search"), ("", "email"), ("'=1+1", "'=cmd()"),
    ]  # fmt: skip


def test_intervals_draw_persons_with_all_they_bought(run: Run, tmp_path: Path) -> None:
    days = [f"2024-03-{day:02d}" for day in range(1, 21)]
    often = [("p", f"{day} 08:00:00", "loyal") for day in days]
    once = [(f"q{number}", f"{day} 08:00:00", "new") for number, day in enumerate(days)]
    code, _, errors = run(
        "--rules", "linear,markov", "--draws", "400",
        touches="person_id,occurred_at,channel\n" + "\n".join(map(",".join, often + once)),
        sales="person_id,converted_at\n"
        + "\n".join(f"{person},{moment[:10]} 09:00:00" for person, moment, _ in often + once),
    )  # fmt: skip
    assert code == 0, errors
    found = pd.read_csv(tmp_path / "out" / "credit.csv").set_index(["rule", "channel"])
    assert (found["conversions"] == 20).all()
    for rule in ("linear", "markov"):
        # One person of twenty orders is drawn 0 to 3 times; twenty persons of one 13 to 28 times.
        assert found.loc[(rule, "loyal"), ["p05", "p95"]].tolist() == pytest.approx([0, 60], abs=1)
        assert found.loc[(rule, "new"), ["p05", "p95"]].tolist() == pytest.approx([13, 28], abs=2)


def test_the_w_is_refused_where_no_conversion_has_a_stage(run: Run, tmp_path: Path) -> None:
    code, _, errors = run("--rules", "w_shaped")
    assert code != 0
    assert "knows of no stage" in errors
    assert not (tmp_path / "out").exists()


def test_the_same_files_give_the_same_bytes_and_parquet_the_same_as_csv(
    run: Run, tmp_path: Path
) -> None:
    assert run("--draws", "50")[0] == 0
    names = ("credit.csv", "removal.csv", "left_out.csv")
    before = [(tmp_path / "out" / name).read_bytes() for name in names]
    assert run("--draws", "50", "--force")[0] == 0
    assert [(tmp_path / "out" / name).read_bytes() for name in names] == before
    with duckdb.connect() as connection:
        for name in ("touches", "sales"):
            connection.execute(
                f"copy (from read_csv('{tmp_path / name}.csv')) to '{tmp_path / name}.parquet'"
            )
    code, _, errors = run(
        "--draws", "50", "--force", "--touches", tmp_path / "touches.parquet",
        "--conversions", tmp_path / "sales.parquet", "--touch-credit", "parquet",
    )  # fmt: skip
    assert code == 0, errors
    assert [(tmp_path / "out" / name).read_bytes() for name in names] == before
    with duckdb.connect() as connection:
        whole = connection.execute(
            "select conversion_id, sum(share_time_decay), sum(value_time_decay) "
            f"from read_parquet('{tmp_path}/out/touch_credit.parquet') group by all order by 1"
        ).fetchall()
    assert whole == [("o1", 1, Decimal("100.01")), ("o2", 1, Decimal(50))]


@pytest.mark.parametrize(
    ("touches", "sales", "said"),
    [
        ("person_id,when,channel\na,2024-01-01,tv", SALES, "the column occurred_at is missing"),
        ("occurred_at,channel\n2024-01-01,tv", SALES, "nothing says whose a row is"),
        ("person_id,occurred_at,channel", SALES, "there is no touch"),
        ("person_id,occurred_at,channel\na,soon,tv", SALES, "no touch with a moment"),
        ("person_id,occurred_at,channel\na,2024-01-01,(null)", SALES, "kept for the ends"),
        ("", SALES, "the file is empty"),
        ("person_id,occurred_at,channel,channel\na,2024-01-01,tv,tv", SALES, "stands twice"),
        (TOUCHES, "person_id,converted_at\n", "there is no conversion"),
        (TOUCHES, "person_id,converted_at\nann,soon", "1 conversions have no usable moment"),
        (TOUCHES, "person_id,converted_at,value\nann,2024-03-03,ten", "no usable value"),
        (TOUCHES, "person_id,converted_at,value\nann,2024-03-03,-1", "does not say what it takes"),
        (TOUCHES, "person_id,converted_at,conversion_id\nann,2024-03-03,o\nbob,2024-03-03,o",
         "several persons"),
        (TOUCHES, "person_id,converted_at,currency\nann,2024-03-03,EUR\nann,2024-03-04,USD",
         "several currencies"),
        (TOUCHES, "person_id,converted_at,kind\nann,2024-03-03,sale\nann,2024-03-04,lead",
         "Name one with --kind"),
    ],
)  # fmt: skip
def test_hostile_files_are_refused_in_words_and_leave_nothing(
    run: Run, tmp_path: Path, touches: str, sales: str, said: str
) -> None:
    code, _, errors = run(touches=touches, sales=sales)
    assert code == 1
    assert said in errors
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--lookback", "0"), "expected days above 0"),
        (("--lookback", "sale=never"), "expected days above 0"),
        (("--grain", "colour"), "expected channel, campaign or territory"),
        (("--time-zone", "Mars/Base"), "expected a name such as Europe/Berlin"),
        (("--bots", "many"), "expected touches/minutes"),
        (("--rules", "first,first"), "each once"),
        (("--rules", "last_non_direct"), "--direct"),
        (("--drop-direct",), "--direct NAME"),
        (("--until", "soon"), "expected a moment"),
        (("--order", "0"), "1 or more touches"),
        (("--memory", "1GB; drop table x"), "a size such as 3GB"),
        (("--touch-credit", "xlsx"), "csv or parquet"),
    ],
)
def test_options_out_of_range_are_refused(run: Run, option: tuple[str, ...], said: str) -> None:
    code, _, errors = run(*option)
    assert code == 2
    assert said in " ".join(errors.replace("│", " ").split())


def test_files_that_are_none_are_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "noise.csv").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "part*.csv").write_text(TOUCHES)
    for file, said in (
        (tmp_path, "there is no such file"),
        (tmp_path / "noise.csv", "neither a CSV nor a Parquet file"),
        (tmp_path / "part*.csv", "stands for several files"),
    ):
        code, _, errors = run("--touches", file)
        assert code == 1
        assert said in errors
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "credit.csv").write_text("earlier")
    code, _, errors = run()
    assert code == 1
    assert "--force" in errors
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["credit.csv"]


def test_texts_from_outside_are_no_sql_and_no_path(run: Run, tmp_path: Path) -> None:
    evil = "'); drop table names; --"
    code, _, errors = run(
        "--direct", evil, "--kind", evil, "--lookback", f"{evil}=20", "--drop-direct",
        touches=f'person_id,occurred_at,channel\nann,2024-03-01,"{evil}"\nann,2024-03-02,../x',
        sales=f'person_id,converted_at,kind\nann,2024-03-03,"{evil}"',
    )  # fmt: skip
    assert code == 0, errors
    rows = _table(tmp_path / "out" / "credit.csv")
    assert {row["channel"] for row in rows if float(row["conversions"])} == {"../x"}
