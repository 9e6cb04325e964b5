"""Plainly written cells as values, in SQL; null where a cell wants a closer look.

Each form is narrow on purpose: what it takes, DuckDB and `conversion.py` read alike. All else is
left to the latter.
"""

# ruff: noqa: PLR0917 - a form is made of six names

from __future__ import annotations

import re
from dataclasses import dataclass

from ingestion import moments, numerals, quoting
from ingestion.conversion import JOINT, Reader
from ingestion.mapping.inputs import Writing

_INTEGERS = {
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
    "HUGEINT", "UHUGEINT",
}  # fmt: skip
_STAMPS = {"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}
_ZONED = "TIMESTAMP WITH TIME ZONE"
_BLANKS = "".join(
    chr(code)
    for code in (*range(9, 14), *range(28, 33), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028,
                 0x2029, 0x202F, 0x205F, 0x3000)
)  # fmt: skip
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
_OFFSET = "(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
_YEARS = f"between date '{moments.FIRST_DAY}' and date '{moments.LAST_DAY}'"


def is_text(source_type: str) -> bool:
    """Whether cells come as text, or are read as their text."""
    return not (
        source_type in _INTEGERS
        or source_type in _STAMPS
        or source_type in (_ZONED, "DATE", "DOUBLE")
        or source_type.startswith("DECIMAL")
    )


def trimmed(cell: str, source_type: str, empty: tuple[str, ...]) -> str:
    """A source cell without blanks around it; null where it is empty or means so."""
    if is_text(source_type):
        text = cell if source_type == "VARCHAR" else f"cast({cell} as varchar)"
        # Telling that there is nothing to trim is ten times quicker than trimming.
        tidy = f"left({text}, 1) between '!' and '~' and right({text}, 1) between '!' and '~'"
        blanks = quoting.text(_BLANKS)
        cell = f"case when {tidy} then {text} else nullif(trim({text}, {blanks}), '') end"
    if empty:
        as_text = cell if is_text(source_type) else f"cast({cell} as varchar)"
        return f"case when {as_text} in ({quoting.texts(empty)}) then null else {cell} end"
    return cell


@dataclass(frozen=True)
class Form:
    """Three expressions, each a column of its own, so that none is computed twice.

    Args:
        rewritten: over the cell: its text as the next one wants it.
        parsed: over `rewritten`.
        value: over both: the value, or null where the cell is not plain.
    """

    rewritten: str
    parsed: str
    value: str


def form(
    source_type: str, type_name: str, writing: Writing, cell: str, rewritten: str, parsed: str
) -> Form:
    """How a trimmed cell becomes a value of a contract's type.

    Args:
        source_type: the cell's DuckDB type.
        type_name: the contract's type.
        writing: how the input's cells are written.
        cell, rewritten, parsed: names of the columns that hold them.
    """
    if type_name == "VARCHAR":
        return Form(cell, rewritten, parsed)
    if type_name == "DATE":
        return _day(source_type, writing, cell, rewritten, parsed)
    if type_name == "TIMESTAMP":
        return _moment(source_type, writing, cell, rewritten, parsed)
    return _number(source_type, type_name, writing, cell, rewritten, parsed)


def _number(
    source_type: str, type_name: str, writing: Writing, cell: str, rewritten: str, parsed: str
) -> Form:
    typed_exactly = source_type in _INTEGERS or _places(source_type) <= 6
    finite = (
        f"case when isfinite({parsed}) then case when {parsed} = 0 then 0 else {parsed} end end"
    )
    if type_name == "DECIMAL(18,6)" and typed_exactly:
        return Form(cell, f"try_cast({rewritten} as decimal(18,6))", parsed)
    if type_name == "DOUBLE" and (typed_exactly or source_type == "DOUBLE"):
        return Form(cell, f"cast({rewritten} as double)", finite)
    if type_name == "BIGINT" and source_type in _INTEGERS:
        most = 10**18 - 1
        inside = f"case when {parsed} between -{most} and {most} then {parsed} end"
        return Form(cell, f"try_cast({rewritten} as bigint)", inside)
    text = cell
    if not is_text(source_type):
        text = f"cast({cell} as varchar)"
    elif not numerals.is_plain(writing):
        text = _plainly(cell, writing)
    if type_name == "BIGINT":
        bigint = f"try_cast({rewritten} as bigint)"
        return Form(text, _where(rewritten, "[+-]?[0-9]{1,18}", bigint), parsed)
    if type_name == "DECIMAL(18,6)":
        return Form(text, decimal(rewritten), parsed)
    return Form(
        text, _where(rewritten, numerals.NUMBER, f"try_cast({rewritten} as double)"), finite
    )


def combined(type_name: str, reader: Reader, cell: str, rewritten: str, parsed: str) -> Form:
    """A product of two or a sum, of cells joined in one text; longer products are Python's."""
    signs = reader.signs
    if signs[0] == "*" and len(signs) != 2:
        return Form(cell, "null::decimal(18,6)", parsed)
    terms = []
    for number, sign in enumerate(signs, 1):
        text = f"split_part({rewritten}, chr({ord(JOINT)}), {number})"
        if not numerals.is_plain(reader.writing):
            text = _plainly(text, reader.writing)
        # Few enough digits that no step overflows.
        exact = _where(
            text, r"[+-]?[0-9]{1,9}(\.[0-9]{0,6})?", f"try_cast({text} as decimal(38,6))"
        )
        exact = exact if sign == "*" else f"case when {text} = '' then 0 else {exact} end"
        terms.append(exact if sign != "-" else f"-({exact})")
    whole = (" * " if signs[0] == "*" else " + ").join(f"({term})" for term in terms)
    value = f"cast({parsed} as decimal(38,6))"
    if signs[0] == "*":
        value = f"case when abs(({parsed} * 1000000) % 1) <> 0.5 then {value} end"
    if type_name == "BIGINT":
        value = f"case when {parsed} % 1 = 0 then {value} end"
    return Form(cell, whole, f"try_cast({value} as {type_name})")


def decimal(text: str) -> str:
    """Exact money of a plain text. A tie at the sixth place is left to `conversion.py`."""
    wide = f"try_cast({text} as decimal(38,18))"
    return (
        f"case when regexp_full_match({text}, '[+-]?[0-9]{{1,12}}(\\.[0-9]{{0,6}})?') "
        f"then try_cast({text} as decimal(18,6)) "
        f"when regexp_full_match({text}, '[+-]?[0-9]{{1,12}}\\.[0-9]{{7,18}}') "
        f"and abs(({wide} * 1000000) % 1) <> 0.5 then try_cast({wide} as decimal(18,6)) end"
    )


def _places(source_type: str) -> int:
    match = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", source_type)
    return int(match[2]) if match else 99


def _where(cell: str, pattern: str, found: str) -> str:
    return f"case when regexp_full_match({cell}, {quoting.text(pattern)}) then {found} end"


def _plainly(cell: str, writing: Writing) -> str:
    plain = cell
    for character in numerals.spellings(writing.thousands) if writing.thousands else "":
        plain = f"replace({plain}, {quoting.text(character)}, '')"
    plain = f"replace({plain}, {quoting.text(writing.decimal)}, '.')"
    return _where(cell, numerals.pattern(writing), plain)


def _in_years(parsed: str, kind: str, condition: str = "true") -> str:
    inside = f"cast({parsed} as date) {_YEARS}"
    return f"case when {condition} and {inside} then cast({parsed} as {kind}) end"


def _day(source_type: str, writing: Writing, cell: str, rewritten: str, parsed: str) -> Form:
    layout = writing.date_format
    if source_type == "DATE":
        return Form(cell, rewritten, _in_years(parsed, "date"))
    if source_type in _STAMPS or source_type == _ZONED:
        # A day that came as a time is a day only at midnight.
        naive = cell if source_type in _STAMPS else f"timezone('UTC', {cell})"
        midnight = f"{parsed} = date_trunc('day', {parsed})"
        return Form(naive, rewritten, _in_years(parsed, "date", midnight))
    if layout == "epoch_days":
        near = f"case when abs({rewritten}) < 1000000 then cast({rewritten} as integer) end"
        days = f"date '1970-01-01' + ({near})"
        return Form(_whole(cell, source_type), days, _in_years(parsed, "date"))
    if layout == "epoch_seconds":
        local = _in_zone(_epoch(rewritten), writing.time_zone)
        return Form(_whole(cell, source_type), local, _in_years(parsed, "date"))
    text = cell if is_text(source_type) else f"cast({cell} as varchar)"
    if layout == moments.ISO:
        # Written back it is the same text: a date in ISO's own form.
        same = f"cast({parsed} as varchar) = {rewritten}"
        return Form(text, f"try_cast({rewritten} as date)", _in_years(parsed, "date", same))
    return Form(text, _strptime(rewritten, layout), _in_years(parsed, "date", _as_written(
        parsed, rewritten, layout)))  # fmt: skip


def _moment(source_type: str, writing: Writing, cell: str, rewritten: str, parsed: str) -> Form:
    layout, zone = writing.date_format, writing.time_zone
    if source_type == _ZONED:
        return Form(cell, f"timezone('UTC', {rewritten})", _in_years(parsed, "timestamp"))
    if source_type in _STAMPS or source_type == "DATE":
        return Form(f"cast({cell} as timestamp)", _utc(rewritten, zone),
                    _in_years(parsed, "timestamp"))  # fmt: skip
    if layout == "epoch_seconds":
        whole = _whole(cell, source_type)
        return Form(whole, _epoch(rewritten), _in_years(parsed, "timestamp"))
    text = cell if is_text(source_type) else f"cast({cell} as varchar)"
    if layout == moments.ISO:
        local = _utc(f"try_cast({rewritten} as timestamp)", zone)
        with_offset = f"timezone('UTC', try_cast({rewritten} as timestamptz))"
        read = (
            f"case when regexp_full_match({rewritten}, '{_DAY}([T ]{_CLOCK})?') then {local} "
            f"when regexp_full_match({rewritten}, '{_DAY}[T ]{_CLOCK}{_OFFSET}') "
            f"then {with_offset} end"
        )
        return Form(text, read, _in_years(parsed, "timestamp"))
    if layout == "epoch_days":
        return Form(text, "null::timestamp", parsed)
    written = f"case when {_as_written(_strptime(rewritten, layout), rewritten, layout)} then " \
        f"{_strptime(rewritten, layout)} end"  # fmt: skip
    return Form(text, _utc(written, zone), _in_years(parsed, "timestamp"))


def _whole(cell: str, source_type: str) -> str:
    if source_type in _INTEGERS:
        return f"try_cast({cell} as bigint)"
    text = cell if is_text(source_type) else f"cast({cell} as varchar)"
    return _where(text, "-?[0-9]{1,12}", f"try_cast({text} as bigint)")


def _epoch(whole: str) -> str:
    return f"case when abs({whole}) < 100000000000 then make_timestamp({whole} * 1000000) end"


def _strptime(text: str, layout: str) -> str:
    """Only of formats that DuckDB and Python read alike."""
    directives = re.findall("%(.)", layout)
    if set(directives) - set("YmdHMS") or not {"Y", "m", "d"} <= set(directives):
        return "null::timestamp"
    return f"try_strptime({text}, {quoting.text(layout)})"


def _as_written(parsed: str, text: str, layout: str) -> str:
    """Written back it is the same text, so that nothing was guessed."""
    return f"strftime({parsed}, {quoting.text(layout)}) = {text}"


def _utc(local: str, zone: str) -> str:
    """UTC of a local time, but on days when the clock changes: those are left to Python."""
    if zone == "UTC":
        return local
    days = ", ".join(f"date '{day}'" for day in moments.changes(zone))
    sure = f"cast({local} as date) not in (select unnest([{days}]))" if days else "true"
    return f"case when {sure} then timezone('UTC', timezone({quoting.text(zone)}, {local})) end"


def _in_zone(utc: str, zone: str) -> str:
    return utc if zone == "UTC" else f"timezone({quoting.text(zone)}, timezone('UTC', {utc}))"
