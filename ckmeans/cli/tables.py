"""Tables: read from files, their columns chosen and made numbers, written to files. pyarrow does it, and is imported
in these functions alone, so that the library does without it."""

from __future__ import annotations

import difflib
import functools
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._show.text import label, listed_names, quoted
from .._types import Floats, Mask
from .errors import CommandError, explained
from .files import open_output

if TYPE_CHECKING:
    import pyarrow as pa

# Bytes read at once, which a row must fit into. Small blocks are the fastest, larger ones are tried when they must be.
BLOCKS = 2**20, 2**24, 2**28, 2**31 - 1
ROW_TOO_LONG = "straddles two block boundaries", "Empty CSV file or block"


def read_table(path: Path) -> pa.Table:
    """Read a CSV (.csv, .tsv, either with .gz) or Parquet file."""
    import pyarrow.parquet

    name = path.name.lower()
    text_name = name.removesuffix(".gz")
    with explained(f"read {path}"):
        try:
            mode = os.stat(path).st_mode
        except FileNotFoundError:
            raise CommandError(f"{path} does not exist") from None
        if stat.S_ISDIR(mode):
            raise CommandError(f"{path} is a folder, not a file")
        if not (name.endswith(".parquet") or text_name.endswith((".csv", ".tsv"))):
            raise CommandError(f"{path} must end in .csv, .tsv, .csv.gz, .tsv.gz or .parquet")
        opened = input_opener(path)
        if name.endswith(".parquet"):
            with opened() as file:
                table = pyarrow.parquet.ParquetFile(file).read()
        else:
            table = read_text(opened, "\t" if text_name.endswith(".tsv") else ",", name.endswith(".gz"))
        names = table.column_names
    if table.num_rows == 0:
        raise CommandError(f"{path} has no rows")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise CommandError(f"{path} has more than one column named {quoted(twice)}")
    return table


def input_opener(path: Path) -> Callable[[], pa.NativeFile]:
    """A function that opens a file, as often as it is called, also where it can be read but once.

    The files are pyarrow's own: its threads must not be in Python's when Ctrl-C ends the process.
    """
    import pyarrow as pa

    with path.open("rb") as file:
        if not file.seekable():
            return functools.partial(pa.BufferReader, file.read())
    return functools.partial(pa.OSFile, os.fsencode(path))  # as bytes, for a name need not be UTF-8


def read_text(opened: Callable[[], pa.NativeFile], delimiter: str, packed: bool) -> pa.Table:
    """Read text in blocks that are as large as the longest row needs."""
    import pyarrow as pa
    import pyarrow.csv

    layout = pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    for block in BLOCKS:
        # On one thread: after an error, or Ctrl-C, pyarrow waits at exit for ever for what its threads have not begun.
        options = pa.csv.ReadOptions(block_size=block, use_threads=False)
        pa.allocate_buffer(2 * block)  # raises where there is no memory for it; the reader would abort the process
        try:
            with opened() as file:
                text = pa.CompressedInputStream(file, "gzip") if packed else file
                return pa.csv.read_csv(text, parse_options=layout, read_options=options)
        except pa.ArrowInvalid as error:
            if block == BLOCKS[-1] or not any(sign in str(error) for sign in ROW_TOO_LONG):
                raise


def choose_columns(table: pa.Table, wanted: Sequence[str] | None) -> list[str]:
    """Names of the wanted columns, or of all numeric ones when `wanted` is None."""
    numeric = [field.name for field in table.schema if is_numeric(field.type)]
    if wanted is None:
        if not numeric:
            raise CommandError(f"no numeric column among {listed_names(map(quoted, table.column_names))}")
        return numeric
    # Blanks at its ends belong to a name where the table has it so.
    wanted = [name if name in table.column_names else name.strip() for name in wanted]
    if len(set(wanted)) < len(wanted):
        raise CommandError("--columns names a column twice: " + listed_names(map(quoted, wanted)))
    for name in wanted:
        if name not in table.column_names:
            near = difflib.get_close_matches(name, table.column_names) or table.column_names
            raise CommandError(f"no column named {quoted(name)}; there is {listed_names(map(quoted, near))}")
        if name not in numeric:
            raise CommandError(f"column {quoted(name)} is not numeric: {why_not_numeric(table[name])}")
    return wanted


def is_numeric(arrow_type: pa.DataType) -> bool:
    """Whether k-means can use a column of this type; truth values and dates are not quantities."""
    from pyarrow import types

    return bool(types.is_integer(arrow_type) or types.is_floating(arrow_type) or types.is_decimal(arrow_type))


def why_not_numeric(column: pa.ChunkedArray) -> str:
    """What stands in a column that is not numeric, such as the one '?' among numbers."""
    if column.null_count == len(column):
        return "all its values are missing"
    for value in column.drop_null():
        try:
            text = str(value)
        except Exception:  # such as a time zone that Python does not know
            break
        try:
            float(text)
        except ValueError:
            return f"it holds {quoted(text)}"
    return f"its type is {column.type}"


# Not by to_numpy() and array() of pyarrow, which import pandas where they can: that takes longer
# than all the rest, and Ctrl-C gets lost in it.


def to_matrix(table: pa.Table, names: Sequence[str]) -> Floats:
    """The named columns as rows of float64, NaN where a value is missing."""
    values = np.empty((table.num_rows, len(names)))
    for column, name in zip(values.T, names, strict=True):
        begin = 0
        for chunk in filter(len, table[name].cast("float64", safe=False).chunks):
            end, part = begin + len(chunk), slice(chunk.offset, chunk.offset + len(chunk))
            bits, data = chunk.buffers()
            column[begin:end] = np.frombuffer(data)[part]
            if chunk.null_count:
                valid = np.unpackbits(np.frombuffer(bits, np.uint8), bitorder="little")[part]
                column[begin:end][valid == 0] = np.nan
            begin = end
    return values


def to_column(values: NDArray[Any], valid: Mask | None = None) -> pa.Array:
    """Numbers as a column of a table, missing where they are not `valid`."""
    import pyarrow as pa

    bits = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    data = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [bits, data])


def complete_rows(values: Floats, names: Sequence[str], missing: str) -> Mask:
    """Which rows have a finite value in every column; an error unless all have or `missing` is "drop"."""
    finite = np.isfinite(values)
    complete: Mask = np.all(finite, axis=1)
    if missing == "error" and not complete.all():
        gaps = [f"{label(name)} ({n:,})" for name, n in zip(names, (~finite).sum(axis=0), strict=True) if n]
        raise CommandError(
            f"{(~complete).sum():,} of {len(values):,} rows have a missing or infinite value, the first is row"
            f" {complete.argmin() + 1:,} after the header; columns: {listed_names(gaps)}; leave them out with --missing"
            " drop"
        )
    if not complete.any():
        raise CommandError("every row has a missing or infinite value; choose other columns with --columns")
    return complete


def write_table(table: pa.Table, path: Path) -> None:
    """Write CSV, or Parquet if `path` ends so: all of it, or else nothing, unless it goes to a stream."""
    import pyarrow.csv
    import pyarrow.parquet

    packed = path.name.lower().endswith(".parquet")
    write = pyarrow.parquet.write_table if packed else pyarrow.csv.write_csv
    with explained(f"write {path}"), open_output(path) as file:
        write(table, file)
