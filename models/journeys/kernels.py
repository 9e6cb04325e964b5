"""Loops over touches, compiled: once a machine, then read from numba's cache.

Nothing here calls another file, so numba's own check of this file's age keeps the cache true.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np

F = TypeVar("F", bound=Callable[..., Any])
_SPACE = 32
_HASH = np.uint64(0x9E3779B97F4A7C15)


def compiled(function: F) -> F:
    """Compile by numba; without a cache where no folder can be written."""
    options = {"nogil": True, "error_model": "numpy", "fastmath": {"reassoc", "contract"}}
    try:
        out: F = numba.njit(cache=True, **options)(function)
    except RuntimeError:
        out = numba.njit(**options)(function)
    return out


@compiled
def _mixed(word):  # type: ignore[no-untyped-def]
    """A 64-bit word, well mixed (the finaliser of SplitMix64: Steele, Lea, Flood 2014)."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


#: Numbers a hash table begins with room for; it has twice as many slots.
_ROOM = 1 << 12


def _longer(array: Any, room: int) -> Any:
    """An array with room for more."""
    out = np.empty((room, *array.shape[1:]), dtype=array.dtype)
    out[: len(array)] = array
    return out


@compiled
def _filled(table, hashes, count):  # type: ignore[no-untyped-def]
    """Fill a free hash table; a slot holds a hash and a number, -1 where it is free."""
    mask = np.uint64(len(table) - 1)
    table[:, 1] = -1
    for number in range(count):
        at = hashes[number] & mask
        while table[at, 1] >= 0:
            at = (at + np.uint64(1)) & mask
        table[at, 0] = np.int64(hashes[number])
        table[at, 1] = number


def _table(room: int, hashes: Any, count: int) -> Any:
    table = np.empty((2 * room, 2), dtype=np.int64)
    _filled(table, hashes, count)
    return table


@compiled
def _find_path(table, word, starts, codes, begin, end):  # type: ignore[no-untyped-def]
    """The slot of the path `codes[begin:end]`: that of an equal one, or a free one."""
    mask = np.uint64(len(table) - 1)
    at = word & mask
    while table[at, 1] >= 0:
        if np.uint64(table[at, 0]) == word:
            other = table[at, 1]
            first = starts[other]
            if starts[other + 1] - first == end - begin:
                same = True
                for i in range(end - begin):
                    if codes[first + i] != codes[begin + i]:
                        same = False
                        break
                if same:
                    break
        at = (at + np.uint64(1)) & mask
    return at


@compiled
def _eight(data, at):  # type: ignore[no-untyped-def]
    """Eight bytes from a place on as one word, which the compiler loads at once."""
    # A place without sign is not checked for counting from the end, and the loads become one.
    at = np.uint64(at)
    return (
        np.uint64(data[at])
        | (np.uint64(data[at + np.uint64(1)]) << np.uint64(8))
        | (np.uint64(data[at + np.uint64(2)]) << np.uint64(16))
        | (np.uint64(data[at + np.uint64(3)]) << np.uint64(24))
        | (np.uint64(data[at + np.uint64(4)]) << np.uint64(32))
        | (np.uint64(data[at + np.uint64(5)]) << np.uint64(40))
        | (np.uint64(data[at + np.uint64(6)]) << np.uint64(48))
        | (np.uint64(data[at + np.uint64(7)]) << np.uint64(56))
    )


@compiled
def _upto(data, at, stop):  # type: ignore[no-untyped-def]
    """The bytes from a place to an end, at most eight, as one word filled with zeros."""
    if at + 8 <= len(data):
        word = _eight(data, at)
        if stop - at < 8:
            word &= (np.uint64(1) << np.uint64(8 * (stop - at))) - np.uint64(1)
        return word
    word = np.uint64(0)
    for i in range(min(stop - at, 8)):
        word |= np.uint64(data[at + i]) << np.uint64(8 * i)
    return word


@compiled
def _seek(data, at, stop, mark):  # type: ignore[no-untyped-def]
    """The first place of a byte before an end, or the end; eight bytes at a time."""
    ones = np.uint64(0x0101010101010101)
    every = np.uint64(mark) * ones
    while at + 8 <= stop:
        word = _eight(data, at) ^ every
        found = (word - ones) & ~word & np.uint64(0x8080808080808080)
        if found:
            lowest = found & (~found + np.uint64(1))
            below = ((lowest - np.uint64(1)) & ones) * ones >> np.uint64(56)
            return at + np.int64(below) - 1
        at += 8
    while at < stop and data[at] != mark:
        at += 1
    return at


class Splitting:
    """Distinct paths of texts, and the distinct names in them, gathered from piece after piece.

    Attributes:
        path_of: the path of every text, in the order of first appearance.
    """

    def __init__(self, texts: int, separator: Any) -> None:
        """For so many texts; `separator` are its bytes, uint8, one or more."""
        self.path_of = np.empty(texts, dtype=np.int64)
        self._separator = separator
        self._text = 0
        self._hashes = np.empty(_ROOM, dtype=np.uint64)
        self._name_hashes = np.empty(_ROOM, dtype=np.uint64)
        self._starts = np.zeros(_ROOM + 1, dtype=np.int64)
        self._codes = np.empty(8 * _ROOM, dtype=np.int64)
        self._names = np.zeros((_ROOM, 2), dtype=np.int64)
        self._letters = np.empty(8 * _ROOM, dtype=np.uint8)
        self._table = _table(_ROOM, self._hashes, 0)
        self._name_table = _table(_ROOM, self._name_hashes, 0)
        self._counts = np.zeros(3, dtype=np.int64)  # paths, names, letters of names

    def add(self, data: Any, offsets: Any) -> None:
        """The next texts: text i is the UTF-8 `data[offsets[i]:offsets[i + 1]]`, uint8."""
        place = 0
        while True:
            place = _split(
                data, offsets, self._separator, place, self.path_of[self._text :], self._table,
                self._hashes, self._starts, self._codes, self._name_table, self._name_hashes,
                self._names, self._letters, self._counts,
            )  # fmt: skip
            if place == len(offsets) - 1:
                break
            self._grow(int(offsets[place + 1] - offsets[place]))
        self._text += place

    def _grow(self, width: int) -> None:
        """Room for a text of so many bytes.

        Arrays grow out here, as a loop that may replace them runs ten times slower.
        """
        most = width + 1
        paths, known, used = (int(count) for count in self._counts)
        if paths == len(self._hashes):
            room = 4 * len(self._hashes)
            self._hashes = _longer(self._hashes, room)
            self._starts = _longer(self._starts, room + 1)
            self._table = _table(room, self._hashes, paths)
        if int(self._starts[paths]) + most > len(self._codes):
            self._codes = _longer(self._codes, 2 * len(self._codes) + most)
        if used + width > len(self._letters):
            self._letters = _longer(self._letters, 2 * len(self._letters) + width)
        if known + most > len(self._names):
            room = 4 * len(self._names)
            while room < known + most:
                room *= 2
            self._names = _longer(self._names, room)
            self._name_hashes = _longer(self._name_hashes, room)
            self._name_table = _table(room, self._name_hashes, known)

    def paths(self) -> tuple[Any, Any]:
        """Offsets and codes of distinct paths, in the order of first appearance.

        A text without a separator, even an empty one, is a path of one touch.
        """
        paths = int(self._counts[0])
        starts = self._starts[: paths + 1].copy()
        return starts, self._codes[: int(starts[paths])].copy()

    def names(self) -> list[str]:
        """The name of every code, blanks around it left out."""
        known = self._names[: int(self._counts[1])]
        return [self._letters[begin:stop].tobytes().decode() for begin, stop in known]


@compiled
def _split(  # type: ignore[no-untyped-def]
    data, offsets, separator, text, path_of, table, hashes, starts, codes,
    name_table, name_hashes, names, letters, counts,
):  # fmt: skip
    """`Splitting.add` from a text on; the text it stopped before, as an array was full."""
    mark, width = separator[0], len(separator)
    paths, known, used = counts[0], counts[1], counts[2]
    name_mask = np.uint64(len(name_table) - 1)
    while text < len(offsets) - 1:
        at, stop = offsets[text], offsets[text + 1]
        top = starts[paths]
        most = stop - at + 1
        if paths == len(hashes) or top + most > len(codes) or known + most > len(names):
            break
        if used + stop - at > len(letters):
            break
        end = top
        whole = np.uint64(0)
        while True:
            while at < stop and data[at] == _SPACE:
                at += 1
            first = at
            cut = False
            while True:
                at = _seek(data, at, stop, mark)
                if at == stop:
                    break
                cut = at + width <= stop
                for i in range(1, width):
                    if not cut or data[at + i] != separator[i]:
                        cut = False
                        break
                if cut:
                    break
                at += 1
            last = at
            while last > first and data[last - 1] == _SPACE:
                last -= 1
            word = np.uint64(last - first)
            for i in range(first, last, 8):
                word = (word ^ _upto(data, i, last)) * _HASH
                word ^= word >> np.uint64(29)
            word = _mixed(word)
            slot = word & name_mask
            while name_table[slot, 1] >= 0:
                if np.uint64(name_table[slot, 0]) == word:
                    begin = names[name_table[slot, 1], 0]
                    if names[name_table[slot, 1], 1] - begin == last - first:
                        same = True
                        for i in range(0, last - first, 8):
                            if _upto(letters, begin + i, begin + last - first) != _upto(
                                data, first + i, last
                            ):
                                same = False
                                break
                        if same:
                            break
                slot = (slot + np.uint64(1)) & name_mask
            code = name_table[slot, 1]
            if code < 0:
                code = known
                # A copy, as the next piece of texts lies elsewhere.
                names[code, 0] = used
                for i in range(first, last):
                    letters[used] = data[i]
                    used += 1
                names[code, 1] = used
                name_hashes[code] = word
                name_table[slot, 0], name_table[slot, 1] = np.int64(word), code
                known += 1
            codes[end] = code
            end += 1
            whole = (whole ^ np.uint64(code)) * _HASH + np.uint64(1)
            if not cut:
                break
            at += width
        whole = _mixed(whole)
        slot = _find_path(table, whole, starts, codes, top, end)
        path = table[slot, 1]
        if path < 0:
            path = paths
            hashes[path] = whole
            table[slot, 0], table[slot, 1] = np.int64(whole), path
            paths += 1
            starts[paths] = end
        path_of[text] = path
        text += 1
    counts[0], counts[1], counts[2] = paths, known, used
    return text


def group(offsets: Any, codes: Any) -> Any:
    """A number a path, equal for equal paths, in the order of first appearance."""
    room = 16
    while room < len(offsets):
        room *= 2
    table = _table(room, np.empty(0, dtype=np.uint64), 0)
    return _grouped(np.ascontiguousarray(offsets), np.ascontiguousarray(codes), table)


@compiled
def _grouped(offsets, codes, table):  # type: ignore[no-untyped-def]
    rows = len(offsets) - 1
    out = np.empty(rows, dtype=np.int64)
    found = 0
    for row in range(rows):
        word = np.uint64(0)
        for i in range(offsets[row], offsets[row + 1]):
            word = (word ^ np.uint64(codes[i])) * _HASH + np.uint64(1)
        word = _mixed(word)
        # The table holds rows, so that equal paths are compared where they stand.
        slot = _find_path(table, word, offsets, codes, offsets[row], offsets[row + 1])
        if table[slot, 1] < 0:
            table[slot, 0], table[slot, 1] = np.int64(word), row
            out[row] = found
            found += 1
        else:
            out[row] = out[table[slot, 1]]
    return out


def walk(offsets: Any, codes: Any, channels: int, order: int) -> tuple[Any, ...]:
    """Moves of paths between states, which are the last `order` touches.

    Returns:
        The move of every touch; by move the state it leaves (-1: the start) and enters; the last
        channel of every state; the state every path ends in. Both are numbered by appearance.
    """
    move_of, exits = np.empty(len(codes), dtype=np.int64), np.empty(len(offsets) - 1, np.int64)
    room, space = _ROOM, _ROOM
    hashes, state_hashes = np.empty(room, dtype=np.uint64), np.empty(space, dtype=np.uint64)
    moves, states = np.empty((room, 3), dtype=np.int64), np.empty((space, 2), dtype=np.int64)
    table, state_table = _table(room, hashes, 0), _table(space, state_hashes, 0)
    counts = np.zeros(4, dtype=np.int64)
    while True:
        done = _walked(
            offsets, codes, channels, order, move_of, exits, table, hashes, moves,
            state_table, state_hashes, states, counts,
        )  # fmt: skip
        known, entered = int(counts[0]), int(counts[1])
        if done:
            break
        if known == room:
            room *= 4
            moves, hashes = _longer(moves, room), _longer(hashes, room)
            table = _table(room, hashes, known)
        if entered == space:
            space *= 4
            states, state_hashes = _longer(states, space), _longer(state_hashes, space)
            state_table = _table(space, state_hashes, entered)
    last = codes[states[:entered, 1]]
    return move_of, moves[:known, 0].copy(), moves[:known, 1].copy(), last, exits


@compiled
def _walked(  # type: ignore[no-untyped-def]
    offsets, codes, channels, order, move_of, exits, table, hashes, moves,
    state_table, state_hashes, states, counts,
):  # fmt: skip
    """`walk` from path counts[2] on; whether all were walked, or an array is full."""
    known, entered = counts[0], counts[1]
    mask, narrow = np.uint64(len(table) - 1), np.uint64(len(state_table) - 1)
    for path in range(counts[2], len(exits)):
        state = -1
        for touch in range(offsets[path], offsets[path + 1]):
            code = codes[touch]
            word = _mixed(np.uint64((state + 1) * channels + code) * _HASH)
            slot = word & mask
            while table[slot, 1] >= 0:
                if np.uint64(table[slot, 0]) == word:
                    move = table[slot, 1]
                    if moves[move, 0] == state and moves[move, 2] == code:
                        break
                slot = (slot + np.uint64(1)) & mask
            move = table[slot, 1]
            if move < 0:
                if known == len(moves) or entered == len(states):
                    counts[0], counts[1], counts[2] = known, entered, path
                    return False
                # A new move: look its state up by the touches it remembers.
                begin = max(offsets[path], touch + 1 - order)
                context = np.uint64(touch - begin)
                for i in range(begin, touch + 1):
                    context = (context ^ np.uint64(codes[i])) * _HASH + np.uint64(1)
                context = _mixed(context)
                place = context & narrow
                while state_table[place, 1] >= 0:
                    if np.uint64(state_table[place, 0]) == context:
                        first = states[state_table[place, 1], 0]
                        if states[state_table[place, 1], 1] - first == touch - begin:
                            same = True
                            for i in range(touch + 1 - begin):
                                if codes[first + i] != codes[begin + i]:
                                    same = False
                                    break
                            if same:
                                break
                    place = (place + np.uint64(1)) & narrow
                target = state_table[place, 1]
                if target < 0:
                    target = entered
                    states[target, 0], states[target, 1] = begin, touch
                    state_hashes[target] = context
                    state_table[place, 0], state_table[place, 1] = np.int64(context), target
                    entered += 1
                move = known
                moves[move, 0], moves[move, 1], moves[move, 2] = state, target, code
                hashes[move] = word
                table[slot, 0], table[slot, 1] = np.int64(word), move
                known += 1
            move_of[touch] = move
            state = moves[move, 1]
        exits[path] = state
    counts[0], counts[1], counts[2] = known, entered, len(exits)
    return True
