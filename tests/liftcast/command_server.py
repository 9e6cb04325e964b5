"""`liftcast` with its imports paid once: this process forks one for each command that it is sent.

Run as a script. A line of JSON on standard input is a command: `arguments`, `environment` (all of
it), the folder it runs in (`cwd`), the files that take what it says (`stdout` and `stderr`), and
the `seconds` after which it is killed. Its exit code (minus the signal that killed it) is answered
at its end, a line each.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
from typing import Any

# Arrow's allocator would start a thread, and a fork takes only the thread that forks.
os.environ.setdefault("JE_ARROW_MALLOC_CONF", "background_thread:false")

from liftcast.cli import main as liftcast

#: What the commands import when they are called.
LOADED = ("duckdb", "forecasting", "ingestion", "liftcast.pipeline", "models.journeys",
          "models.mix", "models.mix.gates", "numba", "pandas", "pandera.pandas",
          "pyarrow.parquet", "scipy.stats")  # fmt: skip


def obey(command: dict[str, Any]) -> None:
    """Become the command, and end as it does."""
    signal.alarm(command["seconds"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        file = os.open(command[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, descriptor)
    os.environ.clear()
    os.environ.update(command["environment"])
    os.chdir(command["cwd"])
    sys.argv = ["liftcast", *command["arguments"]]
    liftcast()


def main() -> None:
    """Obey one command after the other until standard input ends."""
    for name in LOADED:
        importlib.import_module(name)
    gc.freeze()  # a look for garbage in a child would copy all of this
    for line in iter(sys.stdin.readline, ""):
        child = os.fork()
        if child == 0:
            obey(json.loads(line))
            sys.exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
