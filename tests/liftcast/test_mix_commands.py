"""From one CSV to attribution in two commands, as a user types them."""

from __future__ import annotations

import csv
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from liftcast.mix_experiments import read_experiment_file
from liftcast.mix_files import cell, fit_folder, read_csv, write_table
from tests.liftcast.typed import liftcast as _liftcast
from warehouse.errors import LiftcastError

QUICK = "model: {sampling: {starts: 1, chains: 2, warmup: 40, draws: 60, longer: 1}}\n"


def _rows(weeks: int = 60) -> list[list[str]]:
    rng = np.random.default_rng(9)
    tv = rng.gamma(2.0, 50.0, weeks).round(2)
    rain = rng.normal(0, 1, weeks).round(3)
    sold = 3984.662237343649 + 4.0 * tv + 20 * rain + rng.normal(0, 30, weeks)
    days = np.datetime64("2023-01-02") + 7 * np.arange(weeks)
    return [
        ["date", "revenue", "tv_S", "rain", "idle_spend"],
        *[
            [str(day), repr(float(y)), str(x), str(r), "0"]
            for day, y, x, r in zip(days, sold, tv, rain, strict=True)
        ],
    ]


def _write(path: Path, rows: list[list[str]], delimiter: str = ",") -> Path:
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle, delimiter=delimiter).writerows(rows)
    return path


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with panel.csv, spec.yml as proposed (a short walk), and the fit of it."""
    folder = tmp_path_factory.mktemp("mix")
    panel, spec = _write(folder / "panel.csv", _rows()), folder / "spec.yml"
    shown = _liftcast("mix", "spec", "new", panel, "--out", spec)
    assert shown.returncode == 0, shown.stderr
    (folder / "shown.txt").write_text(shown.stdout + shown.stderr)
    text = spec.read_text().replace("model: {}\n", QUICK)
    spec.write_text(text)
    out = folder / "fit"
    done = _liftcast("mix", "fit", "--panel", panel, "--spec", spec, "--out", out, "--seed", "4")
    assert done.returncode == 0, done.stderr
    (folder / "fit.txt").write_text(done.stdout + done.stderr)
    return folder


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_what_was_guessed_is_printed_and_written_beside_each_line(fitted: Path) -> None:
    shown, spec = (fitted / "shown.txt").read_text(), (fitted / "spec.yml").read_text()
    assert "ends with _S, as spend does" in shown
    assert "- name: tv_S  # ends with _S, as spend does" in spec
    assert "# look: its name says money; never moves (always 0)" in spec


def test_contributions_sum_to_the_outcome_to_the_last_digit(fitted: Path) -> None:
    sums: dict[str, Decimal] = {}
    rows = _table(fitted / "fit" / "contributions.csv")
    for row in rows:
        sums[row["date"]] = sums.get(row["date"], Decimal(0)) + Decimal(row["contribution"])
    outcome = {row["date"]: Decimal(row["revenue"]) for row in _table(fitted / "panel.csv")}
    assert sums == outcome
    assert {row["territory"] for row in rows} == {"all"}
    kinds = {(row["driver"], row["kind"]) for row in rows}
    assert {("tv_S", "media"), ("baseline", "baseline"), ("residual", "residual")} <= kinds


def test_the_summary_names_drivers_as_the_panel_does(fitted: Path) -> None:
    rows = {row["driver"]: row for row in _table(fitted / "fit" / "summary.csv")}
    spend = sum(Decimal(row["tv_S"]) for row in _table(fitted / "panel.csv"))
    assert Decimal(rows["tv_S"]["spend"]) == spend
    assert rows["idle_spend"]["contribution"].strip("0") in ("", ".")
    low, high = (float(rows["tv_S"][f"contribution_{end}"]) for end in ("p05", "p95"))
    assert low < float(rows["tv_S"]["contribution"]) < high
    assert low / float(spend) == pytest.approx(float(rows["tv_S"]["roi_p05"]))
    total = sum(Decimal(row["contribution"]) for row in rows.values())
    assert total == sum(Decimal(row["revenue"]) for row in _table(fitted / "panel.csv"))


def test_the_other_files_of_a_fit(fitted: Path) -> None:
    folder = fitted / "fit"
    gates = json.loads((folder / "gates.json").read_text())
    assert {gate["status"] for gate in gates} <= {"PASS", "REVIEW", "FAIL"}
    assert all(set(gate) >= {"gate", "subject", "figure", "threshold", "text"} for gate in gates)
    assert any(g["subject"].endswith("idle_spend") and g["status"] == "REVIEW" for g in gates)
    facts = json.loads((folder / "fit.json").read_text())
    assert (facts["seed"], facts["engine"]) == (4, "bayes")
    assert facts["spec"]["panel"]["outcome"]["column"] == "revenue"
    assert facts["panel"]["sha256"] == read_csv(fitted / "panel.csv").sha256
    diagnostics = json.loads((folder / "diagnostics.json").read_text())
    assert {"r_hat_max", "ess_min", "divergences"} <= set(diagnostics)
    curve = [row for row in _table(folder / "curves.csv") if row["driver"] == "tv_S"]
    assert {row["multiplier"] for row in curve} >= {"0", "1", "2"}
    assert any(row["driver"] == "tv_S" for row in _table(folder / "parameters.csv"))


def test_an_idle_driver_is_said_visibly(fitted: Path) -> None:
    assert "note: idle_spend never moves" in (fitted / "fit.txt").read_text()


def test_a_fit_is_saved_to_be_loaded(fitted: Path) -> None:
    from models.mix.storage import load

    with (fitted / "fit" / "result.zip").open("rb") as file:
        summary = load(file).summary()
    assert set(summary["driver"]) == {
        row["driver"] for row in _table(fitted / "fit" / "summary.csv")
    }


def test_a_standing_folder_is_not_overwritten(fitted: Path, tmp_path: Path) -> None:
    panel, spec = fitted / "panel.csv", fitted / "spec.yml"
    before = (fitted / "fit" / "fit.json").read_bytes()
    again = _liftcast("mix", "fit", "--panel", panel, "--spec", spec, "--out", fitted / "fit")
    assert again.returncode == 1
    assert "stands already" in again.stderr
    (tmp_path / "mine.txt").write_text("precious")
    other = _liftcast("mix", "fit", "--panel", panel, "--spec", spec, "--out", tmp_path, "--force")
    assert other.returncode == 1
    assert "not the folder of a fit" in other.stderr
    assert (tmp_path / "mine.txt").read_text() == "precious"
    assert (fitted / "fit" / "fit.json").read_bytes() == before


def test_a_killed_fit_leaves_nothing(fitted: Path, tmp_path: Path) -> None:
    out = tmp_path / "fit"
    spec = tmp_path / "long.yml"
    spec.write_text((fitted / "spec.yml").read_text().replace("draws: 60", "draws: 100000"))
    command = [sys.executable, "-m", "liftcast", "mix", "fit", "--panel", fitted / "panel.csv"]
    run = subprocess.Popen(
        [*map(str, command), "--spec", str(spec), "--out", str(out)],
        stdout=subprocess.PIPE, text=True, bufsize=1, env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        assert run.stdout is not None
        for line in run.stdout:
            if "chains of" in line:
                break
        time.sleep(0.2)
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait(timeout=30)
    assert not out.exists()


def test_replacing_a_fit_is_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "fit"
    with fit_folder(out, replace=False) as folder:
        (folder / "fit.json").write_text("1")
    with pytest.raises(RuntimeError, match="half way"), fit_folder(out, replace=True) as folder:
        (folder / "fit.json").write_text("2")
        raise RuntimeError("half way")
    assert (out / "fit.json").read_text() == "1"
    with fit_folder(out, replace=True) as folder:
        (folder / "fit.json").write_text("3")
    assert (out / "fit.json").read_text() == "3"
    assert [path.name for path in tmp_path.iterdir()] == ["fit"]


def test_priors_are_shown_and_written(fitted: Path, tmp_path: Path) -> None:
    panel, spec = fitted / "panel.csv", fitted / "spec.yml"
    shown = _liftcast("mix", "priors", "--panel", panel, "--spec", spec, "--out", tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "media total" in shown.stdout
    assert "draws from the priors, media bring more" in shown.stdout
    rows = _table(tmp_path / "priors.csv")
    assert {row["quantity"] for row in rows if row["driver"] == "tv_S"} == {
        "share", "contribution", "roi", "half_life_dates", "saturation",
    }  # fmt: skip


def test_experiments_calibrate_and_errors_name_their_row(fitted: Path, tmp_path: Path) -> None:
    head = "experiment,driver,territory,starts_on,ends_on,effect,standard_error\n"
    tests = tmp_path / "tests.csv"
    out = tmp_path / "fit"
    base = ["mix", "fit", "--panel", fitted / "panel.csv", "--spec", fitted / "spec.yml"]
    for text, said in (
        (head + "a,tv_S,,2023-03-06,soon,100,5", "row 2: column ends_on; expected a date"),
        (head + "a,tv_S,,2023-03-06,2023-04-02,100,0", "column standard_error; expected a number"),
        (head + ",tv_S,,2023-03-06,2023-04-02,100,5", "row 2: column experiment; expected a name"),
        (head.replace("effect", "uplift"), "the column 'effect' is missing"),
    ):
        tests.write_text(text + "\n")
        with pytest.raises(LiftcastError, match=said):
            read_experiment_file(tests, print)
    tests.write_text(head + "a,tv_S,,2033-03-07,2033-04-03,100,5\n")
    refused = _liftcast(*base, "--out", out, "--experiments", tests)
    assert refused.returncode == 1
    assert "outside the panel" in refused.stderr
    assert not out.exists()
    tests.write_text(head + "a,tv_S,,2023-03-06,2023-04-30,4000,50\n")
    done = _liftcast(*base, "--out", out, "--experiments", tests)
    assert done.returncode == 0, done.stderr
    assert "experiment 'a': calibrate" in done.stdout


def test_the_classical_engine_writes_the_same_files(fitted: Path, tmp_path: Path) -> None:
    out = tmp_path / "fit"
    done = _liftcast(
        "mix", "fit", "--panel", fitted / "panel.csv", "--spec", fitted / "spec.yml",
        "--out", out, "--engine", "statsmodels",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads((out / "fit.json").read_text())["engine"] == "statsmodels"
    ours, other = ({path.name for path in folder.iterdir()} for folder in (fitted / "fit", out))
    assert ours == other
    bayes, classical = (
        next(row for row in _table(folder / "summary.csv") if row["driver"] == "tv_S")
        for folder in (fitted / "fit", out)
    )
    assert float(classical["contribution"]) != float(bayes["contribution"])


def test_help_does_not_load_the_engine() -> None:
    code = (
        "import sys; from liftcast.cli import app; "
        "heavy = {'numpy', 'pandas', 'numba', 'duckdb', 'scipy', 'prophet', 'statsmodels'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert "mix" in _liftcast("--help").stdout


def test_a_proposal_does_not_load_compiler_sampler_or_warehouse(fitted: Path) -> None:
    code = (
        "import sys; from liftcast.cli import app\n"
        f"try: app(['mix', 'spec', 'new', {str(fitted / 'panel.csv')!r}])\n"
        "except SystemExit: pass\n"
        "heavy = {'numba', 'nutpie', 'duckdb', 'prophet', 'statsmodels', 'airflow', 'dbt'}\n"
        "print('LOADED', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "LOADED []" in done.stdout


def test_the_schema_is_json_schema_and_takes_the_proposal(fitted: Path) -> None:
    import yaml
    from jsonschema import Draft202012Validator

    schema = json.loads(_liftcast("mix", "spec", "schema").stdout)
    Draft202012Validator.check_schema(schema)
    spec = yaml.safe_load((fitted / "spec.yml").read_text())
    Draft202012Validator(schema).validate(spec)
    assert list(Draft202012Validator(schema).iter_errors(spec | {"other": 1}))


def test_a_spec_is_not_overwritten_without_force(fitted: Path, tmp_path: Path) -> None:
    spec = tmp_path / "s.yml"
    spec.write_text("mine")
    refused = _liftcast("mix", "spec", "new", fitted / "panel.csv", "--out", spec)
    assert refused.returncode == 1
    assert "stands already" in refused.stderr
    assert spec.read_text() == "mine"
    assert (
        _liftcast("mix", "spec", "new", fitted / "panel.csv", "--out", spec, "--force").returncode
        == 0
    )
    assert spec.read_text().startswith("# Proposed")


def test_errors_come_before_any_sampling_and_leave_nothing(fitted: Path, tmp_path: Path) -> None:
    few = _write(tmp_path / "few.csv", _rows(8))
    for panel, spec, said in (
        (tmp_path / "none.csv", fitted / "spec.yml", "there is no such file"),
        (fitted / "panel.csv", tmp_path / "none.yml", "the spec cannot be read"),
        (few, fitted / "spec.yml", "observations"),
    ):
        done = _liftcast("mix", "fit", "--panel", panel, "--spec", spec, "--out", tmp_path / "fit")
        assert done.returncode == 1
        assert said in done.stderr
        assert "chains" not in done.stdout
        assert not (tmp_path / "fit").exists()


# --- files ----------------------------------------------------------------------------------------


def test_encodings_delimiters_and_decimal_commas_are_found_and_said(tmp_path: Path) -> None:
    plain = read_csv(_write(tmp_path / "a.csv", _rows(6))).frame
    packed = tmp_path / "b.csv.gz"
    packed.write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    assert read_csv(packed).frame.equals(plain)
    marked = tmp_path / "c.csv"
    marked.write_bytes(b"\xef\xbb\xbf" + (tmp_path / "a.csv").read_bytes())
    assert read_csv(marked).frame.equals(plain)
    german = [[cell.replace(".", ",") for cell in row] for row in _rows(6)]
    found = read_csv(_write(tmp_path / "d.csv", german, ";"))
    assert found.frame.equals(plain)
    assert found.notes == (
        "columns are separated by semicolons",
        "decimal commas are read as points",
    )
    tabs = read_csv(_write(tmp_path / "e.csv", _rows(6), "\t"))
    assert tabs.frame.equals(plain)
    grouped = [["a", "b"], ["1.234,5", "1.000"], ["2,5", "7"]]
    found = read_csv(_write(tmp_path / "f.csv", grouped, ";"))
    assert found.frame.iloc[0].tolist() == ["1234.5", "1000"]
    assert "thousands marks in a, b" in found.notes[-1]


def test_lines_of_the_file_name_the_rows(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text('d,y\n\n2024-01-01,"1\n2"\n2024-01-08,2\n')
    assert read_csv(file).frame.index.tolist() == [4, 5]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty"),
        (b"\n \n", "the file is empty"),
        (b"one column\n1\n", "this is not a table"),
        (b"a,b\n1,2,3\n", "row 2: a row of another length; expected 2 cells"),
        (b"PK\x03\x04xx", "a workbook or zip file"),
        (b"PAR1xx", "a Parquet file"),
        (b"a,b\n\x00,1\n", "bytes that are no text"),
        (b"a,b\n" + b"x" * 200_000 + b",1\n", "this is not a CSV"),
        (b"\x1f\x8bbroken", "cannot be read"),
    ],
)
def test_what_is_no_csv_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(data)
    with pytest.raises(LiftcastError, match=said):
        read_csv(file)


def test_a_huge_file_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "a.csv.gz"
    with gzip.open(file, "wb", compresslevel=1) as handle:
        for _ in range(300):
            handle.write(b"0" * 2**20)
    with pytest.raises(LiftcastError, match="too large"):
        read_csv(file)


def test_text_from_outside_is_no_formula(tmp_path: Path) -> None:
    assert cell("=1+1") == "'=1+1"
    assert cell("@x") == "'@x"
    assert cell("a\x1b[2J") == "a\\x1b[2J"
    assert cell("tv_S") == "tv_S"
    write_table(tmp_path / "t.csv", {"driver": ["-2+3"], "x": [-1.5]}, ("driver",))
    assert (tmp_path / "t.csv").read_text() == "driver,x\n'-2+3,-1.5\n"
