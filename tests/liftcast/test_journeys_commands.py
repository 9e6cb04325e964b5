"""From a CSV of paths to credit in one command, as a user types it."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from liftcast import cli
from liftcast.journeys_files import paths_of
from tests.liftcast.typed import liftcast

CSV = "path,conversions,value,nulls\na > b > a,1,10,0\na > b,1,20,1\nb,1,30,2\na,0,0,2\n,2,7,1\n"


def _liftcast(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return liftcast("journeys", "attribute", *arguments)


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture
def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Exit code and error text of a command that must fail, run in this process: it is quicker."""

    def run(*arguments: str | Path) -> tuple[int, str]:
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setattr(
            sys, "argv", ["liftcast", "journeys", "attribute", *map(str, arguments)]
        )
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert isinstance(ended.value.code, int)
        return ended.value.code, capsys.readouterr().err

    return run


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with paths.csv and the tables made of it in out/; what was printed beside them."""
    folder = tmp_path_factory.mktemp("journeys")
    (folder / "paths.csv").write_text(CSV)
    run = _liftcast("--paths", folder / "paths.csv", "--out", folder / "out", "--seed", "3")
    assert run.returncode == 0, run.stderr
    (folder / "shown.txt").write_text(run.stdout + run.stderr)
    return folder


def test_every_rule_sums_to_all_conversions_and_value(done: Path) -> None:
    rows = _table(done / "out" / "credit.csv")
    rules = {row["rule"] for row in rows}
    assert len(rules) == 7
    for rule in rules:
        for column, total in (("conversions", 5.0), ("value", 67.0)):
            assert sum(float(row[column]) for row in rows if row["rule"] == rule) == (
                pytest.approx(total, abs=1e-8)
            )
        assert all(float(r["p05"]) <= float(r["p95"]) for r in rows if r["p05"] != "")


def test_removal_effects_are_those_on_paper(done: Path) -> None:
    # The arithmetic is in tests/models/journeys/test_markov.py.
    effects = {row["channel"]: row["removal_effect"] for row in _table(done / "out/removal.csv")}
    assert effects == {"a": f"{2 / 3:.10g}", "b": f"{13 / 18:.10g}"}


def test_the_screen_shows_credit_and_what_nobody_is_credited_with(done: Path) -> None:
    shown = (done / "shown.txt").read_text()
    assert "3 conversions of 4 distinct paths, Markov order 1" in shown
    assert "credited to nobody: 2" in shown


def test_the_same_seed_gives_the_same_bytes_and_an_earlier_run_is_not_overwritten(
    done: Path, refused: Callable[..., tuple[int, str]]
) -> None:
    first = {p.name: p.read_bytes() for p in (done / "out").iterdir()}
    assert set(first) == {"credit.csv", "removal.csv"}
    again = ("--paths", done / "paths.csv", "--out", done / "out", "--seed", "3")
    code, told = refused(*again)
    assert code == 1
    assert "credit.csv stands already" in told
    assert _liftcast(*again, "--force").returncode == 0
    assert {p.name: p.read_bytes() for p in (done / "out").iterdir()} == first


def test_options_reach_the_estimate(done: Path, tmp_path: Path) -> None:
    run = _liftcast(
        "--paths", done / "paths.csv", "--out", tmp_path / "out", "--order", "auto", "--draws", "0",
        "--rules", "last_non_direct, markov", "--direct", "a", "--collapse", "--longest", "2",
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    rows = _table(tmp_path / "out" / "credit.csv")
    assert [row["p05"] for row in rows] == [""] * 6
    assert {r["channel"]: float(r["conversions"]) for r in rows[:2]} == {"a": 0.0, "b": 3.0}


def test_the_w_takes_stages_from_columns(
    refused: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    file, out = tmp_path / "paths.csv", tmp_path / "out"
    asked = ("--paths", file, "--out", out, "--rules", "w_shaped", "--draws", "0", "--force")
    file.write_text("path,conversions\na > b,1\n")
    code, errors = refused(*asked)
    assert code != 0
    assert "neither a column 'lead' nor 'opportunity'" in errors
    for stages in ("lead,opportunity\na > b > c > d,1,2,3\na > b > c > d,1,0,4",
                   "lead,opportunity\na > b > c > d,1,2,3\na > b > c > d,1,,4"):  # fmt: skip
        file.write_text(f"path,conversions,{stages}\n")
        assert refused(*asked)[0] == 0
        sold = {row["channel"]: float(row["conversions"]) for row in _table(out / "credit.csv")}
        # 3, 3, 3, 1 of ten; and of the other, whose lead is not known, 3, 1/2, 1/2, 3 of seven.
        assert sold == pytest.approx(
            {"a": 0.3 + 3 / 7, "b": 0.3 + 0.5 / 7, "c": 0.3 + 0.5 / 7, "d": 0.1 + 3 / 7}
        )


def test_names_from_outside_are_no_formulas_and_no_terminal_codes(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("path,conversions\n=cmd() > [red]x > \x1b[2J,1\n")
    run = _liftcast("--paths", tmp_path / "p.csv", "--out", tmp_path / "out", "--rules", "linear")
    assert run.returncode == 0, run.stderr
    assert "[red]x" in run.stdout
    assert "\x1b[2J" not in run.stdout
    text = (tmp_path / "out" / "credit.csv").read_text()
    assert "'=cmd()" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "there is no such file"),
        ("", "the file is empty"),
        ("path,conversions\n", "has no rows"),
        ("path\na\n", "this is not a table"),
        ("journey,conversions\na,1\n", "lacks the column 'path'"),
        ("path,conversions\na,1\nb,-2\n", "'-2' for conversions in row 3"),
        ("path,conversions\na,1\nb,1,2\n", "a row of another length"),
        ("path,conversions\n(start) > a,1\n", "a name kept for the ends"),
    ],
)
def test_a_wrong_file_is_one_clear_line(
    tmp_path: Path, refused: Callable[..., tuple[int, str]], text: str | None, says: str
) -> None:
    if text is not None:
        (tmp_path / "p.csv").write_text(text)
    code, told = refused("--paths", tmp_path / "p.csv", "--out", tmp_path / "out")
    assert code == 1
    assert says in told
    assert "p.csv" in told
    assert len(told.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--order", "0"), 2, "expected 1 or more touches, or auto"),
        (("--drop-direct",), 2, "add --direct NAME"),
        (("--draws", "-1"), 2, "--draws"),
        (("--rules", "best"), 1, "'best'; expected of first, last"),
        (("--rules", "last_non_direct"), 1, "which channel is direct"),
    ],
)
def test_wrong_options_are_told(
    tmp_path: Path,
    refused: Callable[..., tuple[int, str]],
    options: tuple[str, ...],
    code: int,
    says: str,
) -> None:
    (tmp_path / "p.csv").write_text(CSV)
    got, told = refused("--paths", tmp_path / "p.csv", "--out", tmp_path / "out", *options)
    assert got == code
    assert says in told
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_place_of_the_folder_is_refused(
    tmp_path: Path, refused: Callable[..., tuple[int, str]]
) -> None:
    (tmp_path / "p.csv").write_text(CSV)
    code, told = refused("--paths", tmp_path / "p.csv", "--out", tmp_path / "p.csv")
    assert code == 1
    assert "this is not a folder" in told


def test_two_runs_on_thousands_of_paths_give_the_same_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    rows = [
        " > ".join(rng.choice(list("abcdefgh"), rng.integers(1, 9))) + f",{at % 7 == 0:d},{at % 3}"
        for at in range(8000)
    ]
    (tmp_path / "p.csv").write_text("path,conversions,nulls\n" + "\n".join(rows) + "\n")
    for out in ("one", "two"):
        run = _liftcast("--paths", tmp_path / "p.csv", "--out", tmp_path / out, "--order", "3")
        assert run.returncode == 0, run.stderr
    for name in ("credit.csv", "removal.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    table = _table(tmp_path / "one" / "credit.csv")
    assert list(table[0]) == [
        "channel", "rule", "conversions", "value", "p05", "p95", "value_p05", "value_p95",
    ]  # fmt: skip
    effects = _table(tmp_path / "one" / "removal.csv")
    assert all(float(r["p05"]) < float(r["removal_effect"]) < float(r["p95"]) for r in effects)


@pytest.mark.parametrize(
    "text",
    [
        'path,conversions,nulls\n"a > b",1,0\n\na > b,2,3\r\nb,0,4\n',
        "path;conversions;nulls\na > b;3,0;3\nb;0;4\n",
        "nulls,conversions,note,path\n3,3,=x,a > b\n4,0,\xe9,b\n",
        "path,conversions,nulls\na > b, 3 ,3\nb,0,4\n",
    ],
)
def test_a_file_is_read_alike_quickly_and_cell_by_cell(tmp_path: Path, text: str) -> None:
    file = tmp_path / "p.csv"
    for encoding in ("utf-8", "utf-8-sig", "latin-1"):
        file.write_bytes(text.encode(encoding))
        paths, _ = paths_of(file, separator=">", direct=None, collapse=False, longest=None)
        assert paths.channels == ("a", "b")
        assert paths.codes.tolist() == [0, 1, 1]
        assert (paths.conversions.tolist(), paths.nulls.tolist()) == ([3, 0], [3, 4])
