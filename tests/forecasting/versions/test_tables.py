"""The hash that journals hold is of the content as text; it must not change with the code."""

import hashlib
import json
from decimal import Decimal

import pandas as pd

from forecasting.versions.tables import content_hash, exact


def test_a_hash_is_of_rows_as_json_whatever_the_names():
    names = ['é"x\\', "tab\t", "=1"]
    frame = pd.DataFrame({"shop": names, "ds": pd.to_datetime(["2026-11-01"] * 3)})
    frame["mean"] = exact([Decimal("-1.50"), Decimal("0.00"), Decimal("999999999999999.99")])
    told = [["shop"], ["mean"]]
    rows = [[name, "2026-11-01", str(m)] for name, m in zip(names, frame["mean"], strict=True)]
    text = "".join(json.dumps(line) + "\n" for line in [told, *rows])
    assert content_hash(frame, ["shop"], ["mean"]) == hashlib.sha256(text.encode()).hexdigest()
