"""Forecasts of many series by processes: kill -9, another command, a killed worker."""

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting.candidates.naive import RecentMean, SeasonalNaive
from forecasting.longframe import lay_out
from forecasting.many import Tasks, forecast_many
from liftcast.forecast_files import write_forecast
from liftcast.forecast_parts import forecast_in_parts, work_folder
from warehouse.errors import LakeBusyError, LiftcastError

DAYS, H, SERIES = 90, 7, 8
FILES = ("forecast.csv", "totals.csv", "explain.csv", "steps.csv")
ASKED = {"history_sha256": "a" * 64, "settings": {"horizon": H}}


def small(most=2):
    """A frame in four parts, forecast by the quickest candidates."""
    rng = np.random.default_rng(8)
    days = np.datetime64("2024-03-01") + np.arange(DAYS)
    frame = pd.concat(
        [
            pd.DataFrame(
                {"shop": f"={number} soap\n", "region": "ns"[number % 2], "day": days,
                 "units": rng.poisson(20 * (1 + number), DAYS)}
            )
            for number in range(SERIES)
        ],
        ignore_index=True,
    )  # fmt: skip
    laid = lay_out(frame, None, series=["shop", "region"], date="day", target="units", horizon=H)
    return Tasks(laid, most=most, candidates=(SeasonalNaive(), RecentMean()))


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    tasks = small()
    made = forecast_many(tasks.laid, candidates=tasks.candidates, most=2)
    folder = tmp_path_factory.mktemp("whole") / "out"
    write_forecast(folder, tasks.laid, made)
    return {name: (folder / name).read_bytes() for name in FILES}


def _files(folder):
    return {name: (folder / name).read_bytes() for name in FILES}


def test_killed_and_begun_again_it_goes_on_and_another_forecast_is_refused(tmp_path, expected):
    out = tmp_path / "out"
    script = tmp_path / "begin.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import sys
            sys.path.insert(0, {str(Path(__file__).parent)!r})
            from pathlib import Path
            from test_forecast_parts import ASKED, forecast_in_parts, small
            if __name__ == "__main__":
                forecast_in_parts(Path({str(out)!r}), small(), ASKED, 1, print)
            """
        )
    )
    begun = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.DEVNULL)
    folder = work_folder(out)
    until = time.monotonic() + 240
    while not (folder / "part-00000").is_dir() and time.monotonic() < until:
        assert begun.poll() is None
        time.sleep(0.02)
    with pytest.raises(LakeBusyError, match="another run is making these parts"):
        forecast_in_parts(out, small(), ASKED, 1, lambda _: None)
    begun.send_signal(signal.SIGKILL)
    begun.wait()
    assert not out.exists()
    kept = (folder / "part-00000" / "forecast.csv").stat().st_mtime_ns

    with pytest.raises(LiftcastError, match=r"parts of another forecast.*other history_sha256"):
        forecast_in_parts(out, small(), ASKED | {"history_sha256": "b" * 64}, 1, lambda _: None)
    assert (folder / "part-00000" / "forecast.csv").stat().st_mtime_ns == kept

    said = []
    facts = forecast_in_parts(out, small(), ASKED, 2, said.append)
    assert "of 4 parts are there from before" in said[0]
    assert any("s left" in text for text in said)
    assert _files(out) == expected
    assert facts["parts"] == 4
    assert facts["series"] == SERIES
    assert not folder.exists()


def test_a_killed_worker_is_one_sentence_and_finished_parts_stay(tmp_path):
    out, said = tmp_path / "out", []

    def kill(text):
        said.append(text)
        for child in multiprocessing.active_children():
            os.kill(child.pid, signal.SIGKILL)

    with pytest.raises(LiftcastError, match=r"out of memory.*fewer --workers"):
        forecast_in_parts(out, small(), ASKED, 1, kill)
    assert not out.exists()
    assert said[0].startswith("1 of 4 parts done")
    assert (work_folder(out) / "part-00000").is_dir()
