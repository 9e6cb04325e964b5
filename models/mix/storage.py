"""A result in a file, and out of it again: numbers and words only, nothing that runs.

The file is a zip of plain members: `result.json` and one `.npy` an array, none compressed. Its
size therefore bounds what reading it can fill, and its bytes depend on the result alone.
"""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.lib import format as npy
from pydantic import ValidationError

from models.errors import ModelInputError
from models.mix.attribution import MULTIPLIERS, Drawn, Share
from models.mix.classical import classical_problem
from models.mix.engine.effects import State
from models.mix.engine.noise import Noise
from models.mix.engine.sampler import Draws, Mode
from models.mix.experiments import ReadOut
from models.mix.panel import Driver, Panel
from models.mix.posterior import Posterior
from models.mix.problem import Problem, pose
from models.mix.result import Estimate, MixResult
from models.mix.spec import MixSpec

FORMAT = "liftcast mix result"
#: Goes up when a reader of the old form could not read the new one.
VERSION = 1
_DOCUMENT = "result.json"
#: Members never carry the time of writing: the same result gives the same bytes.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_KNOWN: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (Panel, Driver, Mode, Draws, Drawn, Share, Noise, ReadOut)
}
_MOST_DOCUMENT = 256 * 2**20

T = TypeVar("T")


class StoredResultError(ModelInputError):
    """A file does not hold a result this version can read."""


def save(result: MixResult, file: BinaryIO) -> None:
    """Write a result to a file opened for writing in binary."""
    estimate = result.estimate
    arrays: list[npt.NDArray[Any]] = []
    kept = {
        "panel": estimate.panel,
        "noise": estimate.posterior.noise,
        "experiments": estimate.posterior.experiments,
        "mode": estimate.mode,
        "draws": estimate.draws,
        # Drivers at every draw are a function of theta: they are computed again.
        "drawn": dataclasses.replace(estimate.drawn, states=()),
        "shares": estimate.shares,
        "seed": estimate.seed,
        "checks": result.checks,
        "figures": dict(result.figures),
        "settings": dict(result.settings),
        "fingerprint": fingerprint(estimate.posterior),
    }
    document = {
        "format": FORMAT,
        "version": VERSION,
        "spec": estimate.spec.model_dump(mode="json"),
        **{name: _packed(value, arrays) for name, value in kept.items()},
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        text = json.dumps(document, separators=(",", ":"))
        archive.writestr(zipfile.ZipInfo(_DOCUMENT, _EPOCH), text)
        for number, array in enumerate(arrays):
            held = io.BytesIO()
            npy.write_array(held, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{number}.npy", _EPOCH), held.getvalue())


def load(file: BinaryIO) -> MixResult:
    """Read a result from a file opened for reading in binary; its frames equal the saved ones.

    Raises:
        StoredResultError: the file is no result, is of another version, is cut short or was
            changed, or the model has changed since it was written.
    """
    try:
        return _load(file)
    except StoredResultError:
        raise
    except zipfile.BadZipFile as error:
        raise StoredResultError(
            f"The file is not a whole {FORMAT} ({error}); it was cut short or is something else. "
            "Save the result again."
        ) from error
    except (
        *(ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError),
        *(RecursionError, MemoryError, NotImplementedError, RuntimeError, OSError, EOFError),
    ) as error:
        raise StoredResultError(
            f"The file does not hold a {FORMAT} that can be read "
            f"({type(error).__name__}: {str(error)[:200]!r}). Save the result again."
        ) from error


def _load(file: BinaryIO) -> MixResult:
    with zipfile.ZipFile(file) as archive:
        members = {info.filename: info for info in archive.infolist()}
        for info in members.values():
            if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 0x1:
                raise StoredResultError(
                    f"The file's member {info.filename[:60]!r} is compressed or locked; a "
                    f"{FORMAT} never is. Save the result again."
                )
        if _DOCUMENT not in members or members[_DOCUMENT].file_size > _MOST_DOCUMENT:
            raise StoredResultError(
                f"The file lacks {_DOCUMENT}; expected a {FORMAT}, as `save` writes it."
            )
        document = json.loads(archive.read(_DOCUMENT))
        found = document.get("version") if isinstance(document, dict) else None
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise StoredResultError(f"The file is not a {FORMAT}; give one that `save` wrote.")
        if found != VERSION:
            raise StoredResultError(
                f"The file is a {FORMAT} of version {found!r}; this liftcast reads version "
                f"{VERSION}. Fit again, or use the liftcast that wrote it."
            )

        def array(number: int) -> npt.NDArray[Any]:
            name = f"{int(number)}.npy"
            if name not in members:
                raise StoredResultError(f"The file lacks its member {name}; save it again.")
            return _array(archive.read(name), name)

        kept = {name: _unpacked(value, array) for name, value in document.items()}
    try:
        spec = MixSpec.model_validate(document["spec"])
    except ValidationError as error:
        first = error.errors()[0]
        raise StoredResultError(
            f"The file's settings are not this version's: {'.'.join(map(str, first['loc']))}: "
            f"{first['msg']}. Fit again."
        ) from error
    return _restored(spec, kept)


def _restored(spec: MixSpec, kept: Mapping[str, Any]) -> MixResult:
    panel: Panel = _a(kept["panel"], Panel)
    _check_panel(panel)
    noise: Noise = _a(kept["noise"], Noise)
    _shaped(noise.width, (len(panel.territories),), "noise")
    problem = working_problem(panel, spec)
    experiments = tuple(_a(one, ReadOut) for one in kept["experiments"])
    for one in experiments:
        _check_experiment(one, problem)
    posterior = problem.posterior(noise, experiments)
    if not _meant(_a(kept["fingerprint"], dict), fingerprint(posterior)):
        raise StoredResultError(
            "The model has changed since the file was written: its columns or priors are no "
            "longer those of the stored draws. Fit again."
        )
    drawn: Drawn = _a(kept["drawn"], Drawn)
    count, size, width = len(panel.territories), len(posterior.columns), len(posterior.own_columns)
    rows = len(drawn.theta)
    for values, shape in (
        (drawn.theta, (rows, posterior.size)),
        (drawn.shared, (rows, size)),
        (drawn.shared_mean, (rows, size)),
        (drawn.own, (rows, count, width)),
        (drawn.own_mean, (rows, count, width)),
    ):
        _shaped(values, shape, "drawn")
    mode: Mode = _a(kept["mode"], Mode)
    _shaped(mode.theta, (posterior.size,), "mode")
    _shaped(mode.axes, (posterior.size, posterior.size), "mode")
    draws: Draws = _a(kept["draws"], Draws)
    _shaped(draws.theta, (*draws.theta.shape[:2], posterior.size), "draws")
    _shaped(draws.r_hat, (posterior.size,), "R-hat")
    _shaped(draws.effective, (posterior.size,), "effective draws")
    shares = tuple(_a(one, Share) for one in kept["shares"])
    for share in shares:
        for values in (share.mean, share.p05, share.p50, share.p95):
            _shaped(values, panel.ticks.shape, f"share of {share.driver}")
        rows_of = len(share.totals)
        for held, rest in (
            (share.totals, ()),
            (share.by_series, (count,)),
            (share.curve, (len(MULTIPLIERS),)),
            (share.margin, ()),
            (share.filled, ()),
        ):
            if held is not None:
                _shaped(held, (rows_of, *rest), f"share of {share.driver}")
    drawn = dataclasses.replace(drawn, states=states_of(posterior, drawn.theta))
    estimate = Estimate(
        panel, spec, posterior, mode, draws, drawn, shares, problem.idle, int(kept["seed"])
    )
    checks = _a(kept["checks"], pd.DataFrame)
    return MixResult(estimate, checks, _a(kept["figures"], dict), _a(kept["settings"], dict))


def working_problem(panel: Panel, spec: MixSpec) -> Problem:
    """The problem an engine works on."""
    return classical_problem(panel, spec) if spec.engine == "statsmodels" else pose(panel, spec)


def states_of(posterior: Posterior, theta: npt.NDArray[np.float64]) -> tuple[State, ...]:
    """Drivers at every draw, as `draw_jointly` keeps them."""
    out = []
    for row in theta:
        state = posterior.response.forward(posterior.raw(row))
        half: Any = state.filled.astype(np.float32)
        out.append(State(state.carried[:0], half, state.scale, state.mean))
    return tuple(out)


def fingerprint(posterior: Posterior) -> dict[str, Any]:
    """What draws mean: parameters and columns in words, their priors in numbers."""
    problem = posterior.problem
    columns = (*posterior.columns, *posterior.own_columns)
    widths = np.array([(c.width, c.unit) for c in columns], dtype=np.float64)
    return {
        "words": [list(name) for name in posterior.names]
        + [[c.kind, c.driver, c.group, *(c.echo or ())] for c in columns],
        "numbers": np.concatenate([problem.centres, problem.spreads, widths.ravel()]),
    }


def _meant(kept: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    return bool(
        kept["words"] == now["words"]
        and kept["numbers"].shape == now["numbers"].shape
        # Another machine's logarithm may differ in the last digit.
        and np.allclose(kept["numbers"], now["numbers"], rtol=1e-6, atol=1e-9)
    )


def _packed(value: Any, arrays: list[npt.NDArray[Any]]) -> Any:  # noqa: PLR0911 - one a type
    """A value as JSON; arrays are put aside and named by their number."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return _packed(value.item(), arrays)
    if isinstance(value, np.ndarray):
        arrays.append(np.ascontiguousarray(value))
        return {"array": len(arrays) - 1}
    if isinstance(value, pd.DatetimeIndex | pd.Series) and value.dtype.kind == "M":
        return {"dates": _packed(value.to_numpy("datetime64[ns]").view(np.int64), arrays)}
    if isinstance(value, pd.DataFrame):
        columns = [[str(name), _packed(column, arrays)] for name, column in value.items()]
        return {"frame": columns}
    if isinstance(value, pd.Series):
        if value.dtype.kind in "iufb":
            return _packed(value.to_numpy(), arrays)
        return [_packed(None if cell is pd.NA else cell, arrays) for cell in value]
    if isinstance(value, tuple):
        return {"tuple": [_packed(one, arrays) for one in value]}
    if isinstance(value, list):
        return [_packed(one, arrays) for one in value]
    if isinstance(value, Mapping):
        return {"map": [[str(key), _packed(one, arrays)] for key, one in value.items()]}
    if type(value).__name__ in _KNOWN:
        fields = {
            field.name: _packed(getattr(value, field.name), arrays)
            for field in dataclasses.fields(value)
        }
        return {"data": type(value).__name__, "fields": fields}
    raise TypeError(f"a {type(value).__name__} cannot be stored")


def _unpacked(  # noqa: PLR0911 - one a type
    value: Any, array: Callable[[int], npt.NDArray[Any]]
) -> Any:
    if isinstance(value, list):
        return [_unpacked(one, array) for one in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return array(value["array"])
    if "dates" in value:
        days = np.asarray(_unpacked(value["dates"], array))
        if days.dtype != np.int64 or days.ndim != 1:
            raise StoredResultError("The file's dates are not days; save the result again.")
        return pd.DatetimeIndex(days.view("datetime64[ns]"))
    if "frame" in value:
        columns = {str(name): _unpacked(cells, array) for name, cells in value["frame"]}
        return pd.DataFrame(
            {
                name: pd.Series(cells, dtype=object) if isinstance(cells, list) else cells
                for name, cells in columns.items()
            }
        )
    if "tuple" in value:
        return tuple(_unpacked(one, array) for one in value["tuple"])
    if "map" in value:
        return {str(key): _unpacked(one, array) for key, one in value["map"]}
    if "data" in value:
        if value["data"] not in _KNOWN:
            raise StoredResultError(
                f"The file holds a {str(value['data'])[:60]!r}, which no result has; it was not "
                "written by `save`."
            )
        kind = _KNOWN[value["data"]]
        return kind(**{name: _unpacked(one, array) for name, one in value["fields"].items()})
    return value


def _array(raw: bytes, name: str) -> npt.NDArray[Any]:
    """An array from its own bytes: its header must account for every one of them."""
    held = io.BytesIO(raw)
    version = npy.read_magic(held)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, in_columns, dtype = read(held)
    body = raw[held.tell() :]
    cells = 1
    for side in shape:
        cells *= side
    if dtype.hasobject or dtype.kind not in "iufb" or cells * dtype.itemsize != len(body):
        raise StoredResultError(
            f"The file's member {name} does not hold the numbers its header names; it was cut "
            "short or changed. Save the result again."
        )
    out = np.frombuffer(body, dtype=dtype).reshape(shape, order="F" if in_columns else "C")
    return np.ascontiguousarray(out).copy()


def _a(value: Any, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise StoredResultError(
            f"The file holds a {type(value).__name__} where a {kind.__name__} belongs; it was not "
            "written by `save`."
        )
    return value


def _shaped(values: Any, shape: tuple[int, ...], what: str) -> None:
    """Kernels trust shapes and numbers: a stored array must have those of its place."""
    if not isinstance(values, np.ndarray) or values.shape != shape or values.dtype != np.float64:
        found = getattr(values, "shape", type(values).__name__)
        raise StoredResultError(
            f"The file's {what} has the shape {found}, expected {shape} of floats; it was changed. "
            "Save the result again."
        )
    if not np.isfinite(values).all():
        raise StoredResultError(f"The file's {what} holds numbers that are not finite; fit again.")


def _check_panel(panel: Panel) -> None:
    count, dates = len(panel.territories), len(_a(panel.dates, pd.DatetimeIndex))
    if not count or not dates or panel.ticks.shape != (count, dates):
        raise StoredResultError("The file's outcome is not a date by series table; fit again.")
    if panel.ticks.dtype != np.int64 or not panel.dates.is_monotonic_increasing:
        raise StoredResultError("The file's outcome or dates are not in order; fit again.")
    if len(panel.products) != count or len(panel.countries) != count:
        raise StoredResultError("The file's products or countries do not fit its territories.")
    for name in ("size", "people"):
        _shaped(getattr(panel, name), (count,), name)
    for driver in panel.drivers:
        what = f"driver {_a(driver, Driver).name}"
        whole = driver.exposure.shape[-1]
        if whole < dates:
            raise StoredResultError(f"The file's {what} lacks dates of the outcome; fit again.")
        _shaped(driver.exposure, (count, whole), what)
        _shaped(driver.per_head, (count, whole), what)
        _shaped(driver.start, (count,), what)
        if driver.frequency is not None:
            _shaped(driver.frequency, (count, whole), what)
        _shaped(driver.spend, (count, dates), what)


def _check_experiment(one: ReadOut, problem: Problem) -> None:
    if not -1 <= int(one.at) < len(problem.entries):
        raise StoredResultError(f"The file's experiment {one.name!r} is of no driver it has.")
    _shaped(one.worth, problem.panel.ticks.shape, f"experiment {one.name}")
    count = len(problem.panel.territories)
    if any(not 0 <= int(s) < count for s in one.series):
        raise StoredResultError(f"The file's experiment {one.name!r} is of no series it has.")
    if one.other is not None:
        ahead = max(entry.exposure.shape[1] for entry in problem.entries)
        _shaped(one.other, (len(one.series), ahead), f"experiment {one.name}")
