"""dbt commands in one process, started by `building`: dbt's import is paid once a stage.

`dbtRunner` keeps DuckDB's lock until its process ends, so it is only ever run in a process that
ends with its errands.
"""

from __future__ import annotations

import json
import sys

FAILED, UNABLE = 1, 2


def run(commands: list[list[str]]) -> int:
    """Run each command; stop at one that could not run or whose nodes are red.

    Returns:
        0 when all ran green, FAILED when a node was red, UNABLE when dbt could not run.
    """
    from dbt.cli.main import dbtRunner

    for command in commands:
        result = dbtRunner().invoke(command)
        if result.exception is not None:
            sys.stdout.write(f"{type(result.exception).__name__}: {result.exception}\n")
            return UNABLE
        # Stale sources are told by their report, not by a red stage.
        if not result.success and "freshness" not in command:
            return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(run(json.loads(sys.argv[1])))
