"""dbt commands in one process, started by `building`: dbt's import is paid once a stage.

`dbtRunner` keeps DuckDB's lock until its process ends, so it is only ever run in a process that
ends with its errands.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from typing import Any

FAILED, UNABLE = 1, 2
FINISHED = frozenset({"LogModelResult", "LogTestResult", "LogSeedResult"})


def tell(event: Any) -> None:
    """Write a line of JSON (`name`, `level`, `msg`) for a finished node, a warning or an error.

    dbt's own console turns each of some thousand debug events into JSON and then drops it, which
    costs seconds of a build.
    """
    info = event.info
    if info.name in FINISHED or info.level in ("warn", "error"):
        said = {"name": info.name, "level": info.level, "msg": info.msg}
        try:
            # One write a line: nodes run in threads.
            sys.stdout.write(json.dumps(said) + "\n")
            sys.stdout.flush()
        except OSError:
            # Whoever started this is gone. An error in a callback would leave dbt waiting for its
            # node for ever, and the warehouse's lock with it; a kill leaves the warehouse whole.
            os._exit(UNABLE)


def run(commands: list[list[str]]) -> int:
    """Run each command; stop at one that could not run or whose nodes are red.

    Returns:
        0 when all ran green, FAILED when a node was red, UNABLE when dbt could not run.
    """
    from dbt.cli.main import dbtRunner

    for command in commands:
        result = dbtRunner(callbacks=[tell]).invoke(command)
        if result.exception is not None:
            sys.stdout.write(f"{type(result.exception).__name__}: {result.exception}\n")
            return UNABLE
        # Stale sources are told by their report, not by a red stage.
        if not result.success and "freshness" not in command:
            return FAILED
    return 0


if __name__ == "__main__":
    # dbt keeps nearly all of what it makes to its end, and this process ends with it: looking for
    # garbage was an eighth of a build's time. Its memory grows by the nodes, not by their rows.
    gc.disable()
    sys.exit(run(json.loads(sys.argv[1])))
