"""dbt with its import paid once: this process forks one for each command that it is sent.

Run as a script. A line of JSON on standard input is a command: `arguments`, `environment` (all of
it) and the file that takes its `output`. Its process id is answered at once, its exit code (minus
the signal that killed it) at its end, a line each.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from typing import Any

from dbt.adapters.duckdb import connections  # noqa: F401  dbt loads the adapter by its name, late
from dbt.cli.main import cli


def obey(command: dict[str, Any]) -> None:
    """Become dbt, and end as it does."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(command["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for held, descriptor in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(held, descriptor)
    os.environ.clear()
    os.environ.update(command["environment"])
    sys.argv = ["dbt", *command["arguments"]]
    cli()


def answer(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def main() -> None:
    """Obey one command after the other until standard input ends."""
    gc.disable()  # as liftcast.errands does
    for line in iter(sys.stdin.readline, ""):
        child = os.fork()
        if child == 0:
            obey(json.loads(line))
        answer(child)
        answer(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    main()
