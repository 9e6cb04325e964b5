"""An errand says what happened in lines of JSON, and does not outlive whoever sent it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

PROGRAM = """
from types import SimpleNamespace
from liftcast.errands import tell
for name, level in [("LogTestResult", "info"), ("MacroEvent", "debug"), ("Odd", "warn")]:
    tell(SimpleNamespace(info=SimpleNamespace(name=name, level=level, msg="a\\nb")))
print("went on")
"""


def test_finished_nodes_and_warnings_are_one_line_each() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    *lines, last = done.stdout.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"name": "LogTestResult", "level": "info", "msg": "a\nb"},
        {"name": "Odd", "level": "warn", "msg": "a\nb"},
    ]
    assert last == "went on"


def test_an_errand_whose_sender_was_killed_ends_at_once() -> None:
    """An error in dbt's callback would leave dbt waiting for ever, with the warehouse's lock."""
    reader, writer = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=writer, stderr=subprocess.PIPE
    ) as process:
        os.close(writer)
        os.close(reader)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    assert said == b""
