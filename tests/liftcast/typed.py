"""`liftcast ...` as typed, in a process of its own that is forked from one with all loaded.

That the command starts by itself, and how fast, is tested in test_cli.py and end to end.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

_LOOK = {"COLUMNS": "200", "NO_COLOR": "1"}


@cache
def _server() -> subprocess.Popen[str]:
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("command_server.py"))],
        env=os.environ | _LOOK,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(server.communicate, timeout=30)
    return server


def liftcast(
    *arguments: str | Path, cwd: Path | None = None, timeout: int = 300
) -> subprocess.CompletedProcess[str]:
    """Exit code, standard output and standard error of a command."""
    server = _server()
    assert server.stdin is not None and server.stdout is not None
    words = [str(argument) for argument in arguments]
    with tempfile.TemporaryDirectory() as folder:
        said = [Path(folder) / name for name in ("stdout", "stderr")]
        command = {
            "arguments": words,
            "environment": os.environ | _LOOK,
            "cwd": str(cwd or Path.cwd()),
            "seconds": timeout,
            **{file.name: str(file) for file in said},
        }
        server.stdin.write(json.dumps(command) + "\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        out, err = (file.read_text(encoding="utf-8") for file in said)
    return subprocess.CompletedProcess(["liftcast", *words], code, out, err)
