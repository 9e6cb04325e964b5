"""A virtual environment of its own for each peer, under `build/peers/`, from the package index.

    python benchmarks/environments.py mix
    python benchmarks/environments.py journeys

Versions are pinned in `<benchmark>/peers/<peer>.txt`: the whole resolution, so that a later run
meets the same software. Making an environment again changes nothing; changed pins make it anew. It
is marked only when everything imports: one that a kill left half made has no mark, and is made
anew.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent / "build" / "peers"


@dataclass(frozen=True)
class Environment:
    """One peer's environment: the modules that prove it whole, the least Python, its benchmark."""

    name: str
    modules: tuple[str, ...]
    least_python: tuple[int, int]
    benchmark: str = "mix"

    @property
    def pins(self) -> Path:
        return HERE / self.benchmark / "peers" / f"{self.name}.txt"

    @property
    def folder(self) -> Path:
        return BUILD / self.name

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def mark(self) -> Path:
        return self.folder / ".complete"


ENVIRONMENTS = {
    "pymc": Environment("pymc", ("pymc_marketing.mmm", "nutpie"), (3, 12)),
    "meridian": Environment("meridian", ("meridian.model.model", "arviz"), (3, 11)),
    "channelattribution": Environment(
        "channelattribution", ("ChannelAttribution",), (3, 11), "journeys"
    ),
    "marketing-attribution-models": Environment(
        "marketing-attribution-models", ("mam",), (3, 11), "journeys"
    ),
}


class EnvironmentMissingError(RuntimeError):
    """An environment cannot be made; the text says where, why and what to do."""


def interpreters() -> Iterator[Path]:
    """Pythons of this machine, the asked-for one first (LIFTCAST_PEER_PYTHON), then by name."""
    if asked := os.environ.get("LIFTCAST_PEER_PYTHON"):
        yield Path(asked)
        return
    yield Path(sys.executable)
    for minor in (12, 13, 11):
        if found := shutil.which(f"python3.{minor}"):
            yield Path(found)
        yield from sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python"))


def version_of(python: Path) -> tuple[int, int] | None:
    """Major and minor version, or None where the file does not run (a shim without a target)."""
    try:
        told = subprocess.run(
            [str(python), "-c", "import sys; print(*sys.version_info[:2])"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout.split()
    except (OSError, subprocess.SubprocessError):
        return None
    return int(told[0]), int(told[1])


def interpreter_for(environment: Environment) -> Path:
    """The first Python of this machine that the peer's pinned release runs on.

    Raises:
        EnvironmentMissingError: when there is none.
    """
    met = []
    for python in interpreters():
        version = version_of(python)
        met.append(f"{python} ({version[0]}.{version[1]})" if version else f"{python} (fails)")
        if version and version >= environment.least_python:
            return python
    least = ".".join(map(str, environment.least_python))
    raise EnvironmentMissingError(
        f"{environment.name}: its pinned release needs Python {least} or newer; found "
        f"{', '.join(met)}. Install one, or name one: LIFTCAST_PEER_PYTHON=/path/to/python{least}"
    )


def wanted(environment: Environment) -> str:
    """What the environment should hold, as one word."""
    return hashlib.sha256(environment.pins.read_bytes()).hexdigest()


def is_ready(environment: Environment) -> bool:
    """Whether the environment holds exactly the pinned packages, by its mark."""
    mark = environment.mark
    return (
        environment.python.exists()
        and mark.exists()
        and mark.read_text(encoding="utf-8").strip() == wanted(environment)
    )


def make(environment: Environment) -> Path:
    """Make the environment unless it is ready; its Python.

    Raises:
        EnvironmentMissingError: no fitting Python, the package index does not answer, or a package
            does not import.
    """
    if is_ready(environment):
        return environment.python
    python = interpreter_for(environment)
    print(f"{environment.name}: installing pinned packages into {environment.folder}", flush=True)  # noqa: T201
    environment.mark.unlink(missing_ok=True)
    venv = [str(python), "-m", "venv", "--clear", "--without-pip", str(environment.folder)]
    run(venv, environment)
    run([*pip(environment), "install", "--quiet", "-r", str(environment.pins)], environment)
    run([str(environment.python), "-c", f"import {', '.join(environment.modules)}"], environment)
    environment.mark.write_text(wanted(environment) + "\n", encoding="utf-8")
    return environment.python


def pip(environment: Environment) -> list[str]:
    """This Python's pip, at work on the environment, which then need not hold one."""
    own = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    return [*own, "--python", str(environment.python)]


def run(command: list[str], environment: Environment) -> None:
    """Run a step of making an environment.

    Raises:
        EnvironmentMissingError: with the last lines the step printed.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
    raise EnvironmentMissingError(
        f"{environment.name}: `{' '.join(command)}` ended with {done.returncode}.\n{said}\n"
        f"If the package index did not answer, see `python -m pip config list` and try again; "
        f"if a release is gone, change {environment.pins.name}."
    )


def versions(environment: Environment) -> list[str]:
    """`name==version` of every package in the environment."""
    done = subprocess.run([*pip(environment), "freeze"], capture_output=True, text=True, check=True)
    return done.stdout.split()


def main() -> int:
    benchmarks = sys.argv[1:]
    for environment in ENVIRONMENTS.values():
        if benchmarks and environment.benchmark not in benchmarks:
            continue
        try:
            make(environment)
        except EnvironmentMissingError as error:
            print(error, file=sys.stderr)  # noqa: T201
            return 1
        print(f"{environment.name}: {' '.join(versions(environment))}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
