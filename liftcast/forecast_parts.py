"""`liftcast forecast run` of many series: parts made by processes, kept as they are finished.

Each part is a folder of the work folder beside --out, which appears whole. The work folder is for
one set of inputs, options and code: the same command goes on where it stopped, another is refused.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from liftcast.forecast_files import free, whole_folder, write_forecast, write_tables
from liftcast.mix_files import write_figures
from warehouse.errors import LakeBusyError, LiftcastError, printable
from warehouse.files import appearing, write_json
from warehouse.locks import alone

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from forecasting.many import Label, Task, Tasks

Say = Callable[[str], None]
#: Libraries whose numbers a forecast depends on.
_LIBRARIES = (
    "numpy", "pandas", "scipy", "statsmodels", "statsforecast", "lightgbm", "mlforecast", "prophet",
)  # fmt: skip
_KEY, _LOCK = "inputs.json", "lock"


@dataclass
class SummedPaths(Mapping["Label", "npt.NDArray[np.float64]"]):
    """Paths of each sum over all parts, read from their folders when they are asked for."""

    places: dict[Label, list[tuple[Path, int]]]

    def __getitem__(self, label: Label) -> npt.NDArray[np.float64]:
        import numpy as np

        out = None
        for path, at in self.places[label]:
            own = np.load(path, mmap_mode="r")[at]
            out = np.array(own) if out is None else out + own
        if out is None:
            raise KeyError(label)
        return out

    def __iter__(self) -> Iterator[Label]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


def work_folder(out: Path) -> Path:
    return out.with_name(f".{out.name}.parts")


def forecast_tasks(
    out: Path, tasks: Tasks, asked: dict[str, Any], workers: int, say: Say
) -> dict[str, Any]:
    """Forecast a frame and write its folder: at once where it is one part; the facts."""
    if len(tasks) > 1:
        return forecast_in_parts(out, tasks, asked, workers, say)
    from forecasting.framed import forecast_frame

    made = forecast_frame(
        tasks.laid,
        seed=tasks.seed, country=tasks.country, progress=say, media=tasks.media, sums=tasks.sums,
    )  # fmt: skip
    made.facts["inputs"] = asked
    write_forecast(out, tasks.laid, made)
    return made.facts


def forecast_in_parts(
    out: Path, tasks: Tasks, asked: dict[str, Any], workers: int, say: Say
) -> dict[str, Any]:
    """Make the parts that are not there yet, write the folder, remove the parts; the facts.

    Args:
        asked: everything that the forecast is made of, for the key of the work folder and for
            `facts.json`.

    Raises:
        LiftcastError: parts of other inputs are there; the disk is full; a process was killed.
    """
    free(out)
    folder = work_folder(out)
    with _held(folder, _key(tasks, asked)):
        todo = [n for n in range(len(tasks)) if not _place(folder, n).is_dir()]
        if len(todo) < len(tasks):
            say(f"{len(tasks) - len(todo)} of {len(tasks)} parts are there from before")
        _make(folder, tasks, todo, workers, say)
        say("writing the tables")
        facts = _write(out, folder, tasks, asked)
    shutil.rmtree(folder, ignore_errors=True)
    return facts


def _key(tasks: Tasks, asked: dict[str, Any]) -> dict[str, Any]:
    """What parts are made of: they may be used by a run of the same alone."""
    import forecasting

    code = hashlib.sha256()
    place = Path(forecasting.__file__).parent
    for file in sorted(place.rglob("*.py")):
        code.update(str(file.relative_to(place)).encode() + b"\0" + file.read_bytes())
    told = {
        "asked": asked,
        "series columns": list(tasks.laid.keys.columns),
        "sums": repr(tasks.sums),
        "series": len(tasks.laid.grid.ids),
        "parts": len(tasks),
        "code": code.hexdigest(),
        "libraries": {name: version(name) for name in _LIBRARIES},
    }
    return dict(json.loads(json.dumps(told, sort_keys=True, default=str)))


@contextmanager
def _held(folder: Path, key: dict[str, Any]) -> Iterator[None]:
    """The work folder, new or of the same key, and ours alone."""
    name = printable(folder)
    if not folder.is_dir():
        with appearing(folder) as fresh:
            (fresh / _LOCK).touch()
            write_json(fresh / _KEY, key)
    busy = LakeBusyError(
        "another run is making these parts", where=name, remedy="Wait until it has ended"
    )
    with alone(folder / _LOCK, 0, busy):
        try:
            there = json.loads((folder / _KEY).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            there = None
        if there != key:
            raise LiftcastError(
                "parts of another forecast are here",
                where=name,
                expected="the same files, options and code",
                got=_differences(there, key),
                remedy="Run what was begun, give another --out, or remove the folder",
            )
        for left in folder.glob(".part-*.tmp"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _differences(there: Any, key: dict[str, Any]) -> str:
    if not isinstance(there, dict):
        return "a folder that cannot be read"
    told = {**there, **(there.get("asked") or {})}
    ours = {**key, **key["asked"]}
    names = sorted(n for n in {*told, *ours} - {"asked"} if told.get(n) != ours.get(n))
    return "other " + ", ".join(printable(n, 40) for n in names[:5])


def _place(folder: Path, number: int) -> Path:
    return folder / f"part-{number:05d}"


def _make(folder: Path, tasks: Tasks, todo: list[int], workers: int, say: Say) -> None:
    """Parts by processes of their own, each sent when one is free: two in memory, not all."""
    if not todo:
        return
    done, spent = 0, 0.0
    count = min(workers, len(todo))
    spawn = multiprocessing.get_context("spawn")
    waiting = list(reversed(todo))
    running: dict[Future[None], float] = {}
    with ProcessPoolExecutor(count, spawn, _begin, (os.getpid(),)) as pool:
        try:
            while waiting or running:
                while waiting and len(running) < count:
                    one = pool.submit(make_part, folder, tasks.task(waiting.pop()))
                    running[one] = time.monotonic()
                ready, _ = wait(running, return_when=FIRST_COMPLETED)
                for one in ready:
                    spent += time.monotonic() - running.pop(one)
                    one.result()
                    done += 1
                    left = spent / done * (len(todo) - done) / count
                    there = len(tasks) - len(todo) + done
                    say(f"{there} of {len(tasks)} parts done, about {left:.0f} s left")
        except BrokenProcessPool as error:
            raise LiftcastError(
                "a process that forecast a part was killed, as a system does that is out of memory",
                where=printable(folder),
                expected="about 1 GB for each of --workers",
                remedy="Free memory or give fewer --workers, and run again: finished parts are "
                "kept",
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _begin(parent: int) -> None:
    """A worker ends when its parent has ended, however that ended."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def make_part(folder: Path, task: Task) -> None:
    """Forecast a part and keep it in its folder, which appears whole."""
    from liftcast.forecast_options import prepare

    prepare()
    import numpy as np

    from forecasting.many import forecast_part

    part = forecast_part(task)
    text = list(task.laid.keys.columns)
    with appearing(_place(folder, task.number)) as place:
        tables = {
            "forecast.csv": (part.forecast, [*text, "model"]),
            "explain.csv": (part.explain, [*text, "part"]),
            "steps.csv": (part.steps, [*text, "step"]),
        }
        write_tables(place, tables)
        lengths = np.zeros((3, len(task.rows)), dtype=np.int64)
        lengths[0] = len(part.forecast) // len(task.rows)
        lengths[1] = _rows_of(task, part.explain)
        lengths[2] = len(part.steps) // len(task.rows)
        spans = np.array(list(part.series_spans), dtype=np.int64).reshape(-1, 2)
        bounds = [part.series_spans[span] for span in part.series_spans]
        np.savez(
            place / "figures.npz",
            rows=task.rows, mean=part.mean, horizon=part.series_horizon, spans=spans,
            bounds=np.array(bounds), lengths=lengths,
        )  # fmt: skip
        np.save(place / "sums.npy", np.stack(list(part.sums.values())))
        (place / "sums.json").write_text(json.dumps([list(label) for label in part.sums]))
        (place / "facts.json").write_text(json.dumps(part.facts, default=_plain))


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)


def _rows_of(task: Task, table: Any) -> Any:
    """(s,) rows that each series of a part has in a table; series lie in the part's order."""
    import pandas as pd

    names = list(task.laid.keys.columns)
    counted = table.groupby(names, sort=False).size()
    keys = pd.MultiIndex.from_frame(task.laid.keys)
    return counted.reindex(keys if len(names) > 1 else keys.get_level_values(0)).fillna(0)


def _write(out: Path, folder: Path, tasks: Tasks, asked: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    kept, facts = [], []
    places: dict[Label, list[tuple[Path, int]]] = {}
    lengths, owner = [], np.empty(len(tasks.laid.grid.ids), dtype=np.int64)
    for number in range(len(tasks)):
        place = _place(folder, number)
        with np.load(place / "figures.npz", allow_pickle=False) as found:
            rows, spans = found["rows"], [(int(a), int(b)) for a, b in found["spans"]]
            bounds = dict(zip(spans, found["bounds"], strict=True))
            kept.append((rows, found["mean"], found["horizon"], bounds))
            lengths.append(found["lengths"])
        owner[rows] = number
        for at, label in enumerate(json.loads((place / "sums.json").read_text())):
            places.setdefault((label[0], label[1]), []).append((place / "sums.npy", at))
        facts.append(json.loads((place / "facts.json").read_text()))
    totals = tasks.totals(tasks.whole(kept, SummedPaths(places)))
    told = tasks.facts(facts) | {"inputs": asked}
    with whole_folder(out) as fresh:
        for number, name in enumerate(("forecast.csv", "explain.csv", "steps.csv")):
            parts = [_place(folder, n) / name for n in range(len(tasks))]
            _merged(fresh / name, parts, owner, [own[number] for own in lengths])
        write_tables(fresh, {"totals.csv": (totals, ["level", "key", "period"])})
        write_figures(fresh / "facts.json", told)
    return told


def _merged(path: Path, parts: list[Path], owner: Any, lengths: list[Any]) -> None:
    """Rows of all series in the frame's order: each part has its own in that order."""
    handles: list[BinaryIO] = [part.open("rb") for part in parts]
    try:
        heads = [handle.readline() for handle in handles]
        counts = [iter(own.tolist()) for own in lengths]
        with path.open("wb") as target:
            target.write(heads[0])
            for number in owner.tolist():
                handle = handles[number]
                # A cell never holds a line break (`mix_files.cell`): a line is a row.
                target.writelines(handle.readline() for _ in range(next(counts[number])))
    finally:
        for handle in handles:
            handle.close()
