"""Journeys as arrays: every distinct path once, its touches as numbers, what it brought."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from models.errors import EmptyFrameError, MissingColumnError, ModelInputError, NotFiniteError

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

#: Conversions of people without a touch stand under this name in a credit frame.
UNATTRIBUTED = "(unattributed)"
#: Other tools write the ends of a journey as if they were touches; credit to them means nothing.
RESERVED = frozenset({"(start)", "(conversion)", "(null)", UNATTRIBUTED})


@dataclass(frozen=True)
class Paths:
    """Distinct paths and how often each was walked.

    Attributes:
        channels: sorted names, shape (C,).
        offsets: path i holds the touches `offsets[i]:offsets[i + 1]`, shape (n + 1,).
        codes: place of every touch's channel in `channels`, in the order of time.
        conversions: by path, shape (n,); counts, or weights that may be fractional.
        nulls: people that walked the path and did not convert, shape (n,).
        value: money of the conversions by path, in the currency of the input; None if not given.
        unattributed: conversions of empty paths, which nobody is credited with.
        unattributed_value: their value.
        notes: what was done to the input, in sentences.
    """

    channels: tuple[str, ...]
    offsets: Places
    codes: Places
    conversions: Floats
    nulls: Floats
    value: Floats | None = None
    unattributed: float = 0.0
    unattributed_value: float = 0.0
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def lengths(self) -> Places:
        """Touches by path, shape (n,)."""
        return np.diff(self.offsets)

    @cached_property
    def rows(self) -> Places:
        """The path every touch belongs to, shape of `codes`."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def place_of(self, channel: str) -> int | None:
        """Place of a channel in `channels`, None if no path holds it."""
        return self.channels.index(channel) if channel in self.channels else None


def read_paths(
    frame: pd.DataFrame,
    *,
    separator: str = ">",
    direct: str | None = None,
    collapse: bool = False,
    longest: int | None = None,
    name: str = "paths",
) -> Paths:
    """Paths of a frame with a row a path (or a row a person: equal paths are summed).

    Args:
        frame: `path` ("search > email > search", first touch first), `conversions`; optional are
            `value` (money of these conversions) and `nulls` (people that did not convert, 0 if
            there is no such column). Other columns are ignored.
        separator: what stands between two touches; spaces around a name are dropped.
        direct: a channel whose touches are left out of every path that holds another channel.
        collapse: a channel touched several times in a row counts as one touch.
        longest: only the last so many touches of a path are kept.
        name: what errors call the frame.

    These three are applied in this order. A path of no touch keeps its conversions apart, as
    `unattributed`. Names are text, whatever they hold: case and accents distinguish.

    Raises:
        MissingColumnError, EmptyFrameError, NotFiniteError, ModelInputError: a column lacks or
            stands twice, there is no touch at all, a number is missing, negative or infinite, value
            stands without a conversion, or a touch has a reserved name.
    """
    texts, conversions, value, nulls = _columns(frame, name)
    group, unique = pd.factorize(texts)
    notes = []
    if len(unique) < len(frame):
        notes.append(f"{len(frame) - len(unique):,} rows of {name} repeat a path and are summed")
    rows, codes, channels, blank = _touches(unique, separator, name)
    if blank:
        notes.append(f"{blank:,} touches without a name are left out")
    if longest is not None and longest < 1:
        raise ModelInputError(f"longest is {longest}; expected the number of touches to keep, >= 1")
    if direct is not None:
        if direct in channels:
            rows, codes = _without_direct(rows, codes, channels.index(direct), len(unique))
        else:
            notes.append(f"no path holds the direct channel {direct!r}")
    if collapse:
        keep = np.r_[True, (codes[1:] != codes[:-1]) | (rows[1:] != rows[:-1])]
        rows, codes = rows[keep], codes[keep]
    if longest is not None:
        left = np.searchsorted(rows, rows, side="right") - np.arange(len(rows))
        rows, codes = rows[left <= longest], codes[left <= longest]
    walked = np.bincount(codes, minlength=len(channels)) > 0
    used, codes = np.flatnonzero(walked), (np.cumsum(walked) - 1)[codes]
    offsets = np.r_[0, np.cumsum(np.bincount(rows, minlength=len(unique)))]
    same = _same_path(offsets, codes, len(used))
    brought = [
        None if column is None else sums(sums(column, group, len(unique)), same, same.max() + 1)
        for column in (conversions, value, nulls)
    ]
    _, first = np.unique(same, return_index=True)
    lengths = np.diff(offsets)[first]
    empty = lengths == 0
    lost = [0.0 if column is None else float(column[empty].sum()) for column in brought]
    if empty.any():
        notes.append(
            f"conversions of people without a touch, credited to nobody: {lost[0]:,.10g}; people "
            f"with neither touch nor conversion, left out: {lost[2]:,.10g}"
        )
    kept = np.flatnonzero(~empty)
    final = np.r_[0, np.cumsum(lengths[kept])]
    at = np.repeat(offsets[:-1][first][kept] - final[:-1], lengths[kept]) + np.arange(final[-1])
    totals = [None if column is None else column[kept] for column in brought]
    assert totals[0] is not None and totals[2] is not None
    return Paths(
        channels=tuple(channels[code] for code in used),
        offsets=final.astype(np.int64),
        codes=codes[at].astype(np.int64),
        conversions=totals[0],
        nulls=totals[2],
        value=totals[1],
        unattributed=lost[0],
        unattributed_value=lost[1],
        notes=tuple(notes),
    )


# --- columns ------------------------------------------------------------------------------------


def _columns(frame: pd.DataFrame, name: str) -> tuple[pd.Series, Floats, Floats | None, Floats]:
    for column in ("path", "conversions"):
        if column not in frame.columns:
            raise MissingColumnError(
                f"The frame {name} lacks the column {column!r} (it has: "
                f"{', '.join(map(str, frame.columns)) or 'none'}); rename or add it."
            )
    for column in ("path", "conversions", "value", "nulls"):
        if list(frame.columns).count(column) > 1:
            raise ModelInputError(
                f"The frame {name} has the column {column!r} twice; keep the one that is meant."
            )
    if frame.empty:
        raise EmptyFrameError(f"The frame {name} has no rows; expected a row a path.")
    conversions = _numbers(frame, "conversions", name)
    value = _numbers(frame, "value", name) if "value" in frame else None
    nulls = _numbers(frame, "nulls", name) if "nulls" in frame else np.zeros(len(frame))
    if value is not None:
        stray = (value > 0) & (conversions == 0)
        if stray.any():
            raise ModelInputError(
                f"The frame {name} has a value of {value[stray][0]:.10g} without a conversion in "
                f"row {_row(frame, stray)}; expected value only where something converted: count "
                "the conversion or set the value to 0."
            )
    paths = frame["path"]
    return paths.astype(object).where(paths.notna(), "").astype(str), conversions, value, nulls


def _numbers(frame: pd.DataFrame, column: str, name: str) -> Floats:
    cells = frame[column]
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~np.isfinite(numbers) | (numbers < 0)
    if bad.any():
        got = cells.iloc[int(np.argmax(bad))]
        raise NotFiniteError(
            f"The frame {name} has {str(got)[:40]!r} for {column} in row {_row(frame, bad)}; "
            "expected a number, 0 or more: write 0 where there is none."
        )
    return numbers


def _row(frame: pd.DataFrame, faults: npt.NDArray[np.bool_]) -> object:
    """The first faulty row as its frame calls it: of a file, the line."""
    return frame.index[int(np.argmax(faults))]


# --- touches ------------------------------------------------------------------------------------


def _touches(
    unique: pd.Index, separator: str, name: str
) -> tuple[Places, Places, tuple[str, ...], int]:
    """Path and code of every touch, the sorted names, and how many touches had none."""
    if not separator.strip():
        raise ModelInputError(f"The separator is {separator!r}; expected a mark such as '>'.")
    try:
        texts = pa.array(unique.to_numpy(dtype=object), type=pa.large_string())
    except UnicodeEncodeError as error:
        raise ModelInputError(
            f"The frame {name} holds a path that is no text ({error.reason}); decode the file again"
        ) from error
    lists = pc.split_pattern(texts, pattern=separator.strip())
    pieces = lists.flatten().dictionary_encode()
    # Names are few: cleaning them once each instead of every touch is what makes this fast.
    clean = [piece.strip() for piece in pieces.dictionary.to_pylist()]
    channels = tuple(sorted(set(clean) - {""}))
    if not channels:
        raise EmptyFrameError(
            f"The frame {name} has no path with a touch; expected names separated by "
            f"{separator.strip()!r}, as in 'search > email'."
        )
    taken = RESERVED.intersection(channels)
    if taken:
        raise ModelInputError(
            f"The frame {name} has touches called {min(taken)!r}, a name kept for the ends of a "
            "journey; leave them out of the paths, or rename the channel."
        )
    code = {channel: at for at, channel in enumerate(channels)}
    lookup = np.array([code.get(piece, -1) for piece in clean], dtype=np.int64)
    codes = lookup[pieces.indices.to_numpy()]
    lengths = pc.list_value_length(lists).to_numpy()
    rows = np.repeat(np.arange(len(unique)), lengths)
    named = codes >= 0
    # An empty cell is one piece without a name: that is an empty path, not a touch left out.
    blank = int((~named & (lengths[rows] > 1)).sum())
    return rows[named], codes[named], channels, blank


def _without_direct(rows: Places, codes: Places, direct: int, n: int) -> tuple[Places, Places]:
    other = codes != direct
    keep = other | (np.bincount(rows[other], minlength=n) == 0)[rows]
    return rows[keep], codes[keep]


def _same_path(offsets: Places, codes: Places, width: int) -> Places:
    """A number a path, equal for equal paths, in the order of first appearance."""
    lengths = np.diff(offsets)
    order = np.argsort(-lengths, kind="stable")
    starts, sizes = offsets[:-1][order], lengths[order]
    keys = np.zeros(len(lengths), dtype=np.int64)
    # Longest first, so those that still have a touch at a position stand at the front. Keys are
    # renumbered at each position and so never outgrow 64 bits: no hash, no collision.
    for position in range(int(sizes[0])):
        active = int(np.searchsorted(-sizes, -position))
        joined = keys[:active] * width + codes[starts[:active] + position]
        keys[:active], distinct = pd.factorize(joined)
        if len(distinct) == active:
            break
    out = np.empty_like(keys)
    out[order] = keys * (int(sizes[0]) + 1) + sizes
    return np.asarray(pd.factorize(out)[0], dtype=np.int64)


def sums(column: Floats, group: Places, groups: int) -> Floats:
    """The sum of a column by group, shape (groups,)."""
    return np.bincount(group, weights=column, minlength=groups).astype(np.float64)
