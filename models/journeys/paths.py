"""Journeys as arrays: every distinct path once, its touches as numbers, what it brought."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from threading import Event
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from models.errors import EmptyFrameError, ModelInputError
from models.journeys import kernels
from models.journeys.columns import columns_of, stages_of

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

#: Conversions of people without a touch stand under this name in a credit frame.
UNATTRIBUTED = "(unattributed)"
#: Texts that are read while those before them are cut.
_PIECE = 100_000
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
        stages: touches up to the lead and up to the opportunity, shape (2, n), 0 where there is
            none; None if they were not asked for. Paths that differ in them alone stay apart.
        unattributed: conversions of empty paths, which nobody is credited with.
        unattributed_value: their value.
        notes: what was done to the input, in sentences.
        persons: who walked a path, 0 or above, where a person walked several of them and stands in
            rows of its own; -1 for all others. None: nobody is known to have walked two.
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
    stages: Places | None = None
    persons: Places | None = None

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
    stages: bool = False,
    name: str = "paths",
) -> Paths:
    """Paths of a frame with a row a path (or a row a person: equal paths are summed).

    Args:
        frame: `path` ("search > email > search", first touch first; or a list of names, which may
            then hold the separator), `conversions`; optional are `value` (money of these
            conversions) and `nulls` (people that did not convert, 0 if there is no such column).
            Other columns are ignored.
        separator: what stands between two touches of a text; spaces around a name are dropped.
        direct: a channel whose touches are left out of every path that holds another channel.
        collapse: a channel touched several times in a row counts as one touch.
        longest: only the last so many touches of a path are kept.
        stages: read `lead` and `opportunity` too (one of them suffices): how many touches of the
            path, as written, came before the person was a lead and was made an offer; 0 or empty
            where that never was, or was before the first touch.
        name: what errors call the frame.

    These three are applied in this order. A path of no touch keeps its conversions apart, as
    `unattributed`. Names are text, whatever they hold: case and accents distinguish.

    Raises:
        MissingColumnError, EmptyFrameError, NotFiniteError, ModelInputError: a column lacks or
            stands twice, there is no touch at all, a number is missing, negative or infinite, value
            stands without a conversion, or a touch has a reserved name.
    """
    cells, conversions, value, nulls = columns_of(frame, name)
    if not separator.strip():
        raise ModelInputError(f"The separator is {separator!r}; expected a mark such as '>'.")
    lists = _lists(cells, name)
    split = _from_texts(cells, separator.strip(), name) if lists is None else _from_lists(lists)
    marks: Places | None = None
    if stages:
        split, marks = _staged(split, stages_of(frame, name), frame, name)
    notes = []
    if len(split) < len(frame):
        notes.append(f"{len(frame) - len(split):,} rows of {name} repeat a path and are summed")
    lookup, channels = _channels(split.names, separator if lists is None else None, name)
    codes, rows = lookup[split.codes], None
    spots = np.arange(1, len(codes) + 1)
    plain = len(channels) == len(split.names)
    blank = 0
    if not plain:
        named = codes >= 0
        lengths = np.diff(split.offsets)
        rows = np.repeat(np.arange(len(split)), lengths)
        # An empty cell is one piece without a name: an empty path, not a touch left out.
        blank = int((~named & (lengths[rows] > (1 if lists is None else 0))).sum())
        rows, codes, spots = rows[named], codes[named], spots[named]
    if blank:
        notes.append(f"{blank:,} touches without a name are left out")
    if longest is not None and longest < 1:
        raise ModelInputError(f"longest is {longest}; expected the number of touches to keep, >= 1")
    if direct is not None and direct not in channels:
        notes.append(f"no path holds the direct channel {direct!r}")
    if plain and not stages and not collapse and longest is None and direct not in channels:
        # Nothing was renamed or left out: paths are distinct already, and none is empty.
        totals = [
            None if column is None else sums(column, split.group, len(split))
            for column in (conversions, value, nulls)
        ]
        assert totals[0] is not None and totals[2] is not None
        return Paths(
            channels, split.offsets, codes, totals[0], totals[2], totals[1], notes=tuple(notes)
        )
    if rows is None:
        rows = np.repeat(np.arange(len(split)), np.diff(split.offsets))
    place = channels.index(direct) if direct in channels else None
    left = _left(rows, codes, len(split), direct=place, collapse=collapse, longest=longest)
    rows, codes, spots = rows[left], codes[left], spots[left]
    return _gathered(
        split, (rows, codes, spots), marks, channels, (conversions, value, nulls), notes
    )


# --- touches ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Split:
    """Cells cut into names: the path of every row, distinct paths, the name of every code."""

    group: Places
    offsets: Places
    codes: Places
    names: list[str]

    def __len__(self) -> int:
        return len(self.offsets) - 1


def _from_texts(cells: pd.Series, separator: str, name: str) -> _Split:
    """Distinct paths of texts.

    Arrow's reading of Python's strings holds the interpreter, cutting them does not: while one
    piece is cut, the next one is read.
    """
    mark = np.frombuffer(separator.encode(), dtype=np.uint8)
    found = kernels.Splitting(len(cells), mark)
    piece = len(cells) if isinstance(cells.dtype, pd.ArrowDtype) else _PIECE
    with ThreadPoolExecutor(1) as worker:
        cut: Future[None] | None = None
        for start in range(0, len(cells), piece):
            try:
                texts = _arrow(cells.iloc[start : start + piece])
            except UnicodeEncodeError as error:
                raise ModelInputError(
                    f"The frame {name} holds a path that is no text ({error.reason}); decode the "
                    "file again"
                ) from error
            if cut is not None:
                cut.result()
            begun = Event()
            cut = worker.submit(_cut, found, texts, begun)
            begun.wait()  # or reading goes on at once, and cutting waits for it
        if cut is not None:
            cut.result()
    return _Split(found.path_of, *found.paths(), found.names())


def _cut(found: kernels.Splitting, texts: Any, begun: Event) -> None:
    _, ends, data = texts.buffers()
    bounds = np.frombuffer(ends, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    letters = np.frombuffer(b"" if data is None else data, dtype=np.uint8)
    begun.set()
    found.add(letters, bounds)


def _arrow(cells: pd.Series) -> Any:
    """Cells as Arrow text, what is missing as empty text; without a copy where they are that."""
    try:
        texts = pa.array(cells.array, type=pa.large_string(), from_pandas=True)
    except pa.ArrowException:  # numbers and other things: as they are written
        plain = cells.astype(object).where(cells.notna(), "").astype(str)
        texts = pa.array(plain.to_numpy(dtype=object), type=pa.large_string())
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    if texts.type != pa.large_string():
        texts = texts.cast(pa.large_string())
    return texts.fill_null("") if texts.null_count else texts


def _lists(cells: pd.Series, name: str) -> Any | None:
    """Cells as an Arrow array of lists of names; None where they are no lists."""
    kind = getattr(cells.dtype, "pyarrow_dtype", None)
    if kind is None:
        known = (cell for cell in cells if cell is not None and cell is not pd.NA)
        first = next((cell for cell in known if not isinstance(cell, float)), None)
        if not isinstance(first, (list, tuple, np.ndarray)):
            return None
    elif not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        return None
    try:
        if kind is None and any(isinstance(cell, (str, bytes)) for cell in cells):
            raise pa.ArrowTypeError("there is a text among them")  # Arrow would take its letters
        lists = pa.array(cells.array, type=pa.large_list(pa.large_string()), from_pandas=True)
        if isinstance(lists, pa.ChunkedArray):
            lists = lists.combine_chunks()
        return lists.cast(pa.large_list(pa.large_string()))
    except (pa.ArrowException, UnicodeEncodeError) as error:
        raise ModelInputError(
            f"The frame {name} has paths that are lists, but not all of names ({error}); expected "
            "a list of texts in every row, or a text in every row."
        ) from error


def _from_lists(lists: Any) -> _Split:
    """Distinct paths of lists of names; a list that is missing is empty."""
    lengths = lists.value_lengths().fill_null(0).to_numpy().astype(np.int64)
    pieces = lists.flatten().fill_null("").dictionary_encode()
    codes = pieces.indices.to_numpy().astype(np.int64)
    offsets = np.r_[0, np.cumsum(lengths)].astype(np.int64)
    group = kernels.group(offsets, codes)
    _, first = np.unique(group, return_index=True)
    ends = np.r_[0, np.cumsum(lengths[first])]
    at = np.repeat(offsets[:-1][first] - ends[:-1], lengths[first]) + np.arange(ends[-1])
    return _Split(group, ends, codes[at], pieces.dictionary.to_pylist())


def _channels(names: list[str], separator: str | None, name: str) -> tuple[Places, tuple[str, ...]]:
    """Place of every name among the channels, -1 for none; the channels, sorted.

    Names are few: cleaning them once each instead of every touch is what makes this fast.
    """
    clean = [piece.strip() for piece in names]
    channels = tuple(sorted(set(clean) - {""}))
    if not channels:
        wanted = (
            "lists of names"
            if separator is None
            else f"names separated by {separator.strip()!r}, as in 'search > email'"
        )
        raise EmptyFrameError(f"The frame {name} has no path with a touch; expected {wanted}.")
    taken = RESERVED.intersection(channels)
    if taken:
        raise ModelInputError(
            f"The frame {name} has touches called {min(taken)!r}, a name kept for the ends of a "
            "journey; leave them out of the paths, or rename the channel."
        )
    code = {channel: at for at, channel in enumerate(channels)}
    return np.array([code.get(piece, -1) for piece in clean], dtype=np.int64), channels


def _left(
    rows: Places,
    codes: Places,
    n: int,
    *,
    direct: int | None,
    collapse: bool,
    longest: int | None,
) -> Places:
    """Places of the touches that are left."""
    left = np.arange(len(codes))
    if direct is not None:
        other = codes != direct
        left = left[other | (np.bincount(rows[other], minlength=n) == 0)[rows]]
    if collapse:
        of, name = rows[left], codes[left]
        left = left[np.r_[True, (name[1:] != name[:-1]) | (of[1:] != of[:-1])]]
    if longest is not None:
        of = rows[left]
        left = left[np.searchsorted(of, of, side="right") - np.arange(len(of)) <= longest]
    return left


def _gathered(  # noqa: PLR0917
    split: _Split,
    touches: tuple[Places, Places, Places],
    marks: Places | None,
    channels: tuple[str, ...],
    columns: tuple[Floats, Floats | None, Floats],
    notes: list[str],
) -> Paths:
    """Paths of the touches that are left: those that have become alike are summed, empty ones kept
    apart.

    Args:
        touches: path, code of the channel, and place among all touches as written, from 1.
        marks: touches up to each stage as written.
        columns: conversions, value and nulls by row of the frame.
    """
    rows, codes, spots = touches
    walked = np.bincount(codes, minlength=len(channels)) > 0
    used, codes = np.flatnonzero(walked), (np.cumsum(walked) - 1)[codes]
    offsets = np.r_[0, np.cumsum(np.bincount(rows, minlength=len(split)))]
    same = kernels.group(offsets, codes)
    if marks is not None:
        # Of the touches up to a stage, those that are left.
        up_to = spots <= (split.offsets[:-1] + marks)[:, rows]
        marks = np.stack([np.bincount(rows[inside], minlength=len(split)) for inside in up_to])
        same = np.unique(np.c_[same, marks.T], axis=0, return_inverse=True)[1].ravel()
    brought = [
        None
        if column is None
        else sums(sums(column, split.group, len(split)), same, int(same.max()) + 1)
        for column in columns
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
        stages=None if marks is None else marks[:, first][:, kept],
    )


def _staged(split: _Split, marks: Places, frame: pd.DataFrame, name: str) -> tuple[_Split, Places]:
    """Paths apart where their stages differ, and touches up to each stage, shape (2, paths)."""
    lengths = np.diff(split.offsets)
    beyond = (marks > lengths[split.group]).any(axis=0)
    if beyond.any():
        row = int(np.argmax(beyond))
        raise ModelInputError(
            f"The frame {name} has a stage after touch {int(marks[:, row].max())} in row "
            f"{frame.index[row]}, whose path has {int(lengths[split.group[row]])} touches; "
            "expected how many of them came before it."
        )
    keys, group = np.unique(np.c_[split.group, marks.T], axis=0, return_inverse=True)
    of = keys[:, 0]
    offsets = np.r_[0, np.cumsum(lengths[of])]
    at = np.repeat(split.offsets[:-1][of] - offsets[:-1], lengths[of]) + np.arange(offsets[-1])
    return _Split(group.ravel(), offsets, split.codes[at], split.names), keys[:, 1:].T


def sums(column: Floats, group: Places, groups: int) -> Floats:
    """The sum of a column by group, shape (groups,)."""
    return np.bincount(group, weights=column, minlength=groups).astype(np.float64)
