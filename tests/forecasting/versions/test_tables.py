"""Tables as versions and closes keep them.

The hash that journals hold is of the content as text; it must not change with the code.
"""

import hashlib
import json
from decimal import Decimal

import pandas as pd
import pytest

from forecasting.errors import BadValueError, MissingColumnError
from forecasting.versions.tables import actuals_table, content_hash, exact


def test_a_hash_is_of_rows_as_json_whatever_the_names():
    names = ['é"x\\', "tab\t", "=1"]
    frame = pd.DataFrame({"shop": names, "ds": pd.to_datetime(["2026-11-01"] * 3)})
    frame["mean"] = exact([Decimal("-1.50"), Decimal("0.00"), Decimal("999999999999999.99")])
    told = [["shop"], ["mean"]]
    rows = [[name, "2026-11-01", str(m)] for name, m in zip(names, frame["mean"], strict=True)]
    text = "".join(json.dumps(line) + "\n" for line in [told, *rows])
    assert content_hash(frame, ["shop"], ["mean"]) == hashlib.sha256(text.encode()).hexdigest()


def ledger(days):
    rows = pd.DataFrame({"shop": "a", "day": days, "units": "3"})
    rows.index = pd.RangeIndex(2, len(rows) + 2, name="row")  # lines of a file with a header
    return rows


def test_actuals_with_a_zone_are_of_the_days_their_clocks_showed():
    days = pd.date_range("2026-03-27", periods=5, tz="Europe/Berlin")  # the clock changes
    zoned = actuals_table(ledger([day.isoformat() for day in days]), ["shop"], "day", "units")
    plain = actuals_table(ledger(days.strftime("%Y-%m-%d")), ["shop"], "day", "units")
    assert zoned.equals(plain)


@pytest.mark.parametrize(
    ("column", "cell", "told"),
    [
        ("units", "inf", "The actuals' 'units' in row 4 is 'inf': expected a finite number"),
        ("day", "31/12/2026", "The actuals' date is '31/12/2026' in row 4: expected a date"),
        ("shop", " ", "The actuals' 'shop' is empty in row 4"),
    ],
)
def test_a_bad_cell_of_actuals_is_named_by_its_line(column, cell, told):
    rows = ledger(["2026-03-01", "2026-03-02", "2026-03-03"])
    rows.loc[4, column] = cell
    with pytest.raises(BadValueError) as error:
        actuals_table(rows, ["shop"], "day", "units")
    assert told in str(error.value)


def test_actuals_with_a_column_twice_are_refused():
    rows = ledger(["2026-03-01"])
    rows.columns = ["shop", "day", "day"]
    with pytest.raises(MissingColumnError, match="'day' twice"):
        actuals_table(rows, ["shop"], "day", "units")
    with pytest.raises(MissingColumnError, match="'day' twice"):
        actuals_table(ledger(["2026-03-01"]), ["shop"], "day", "day")
