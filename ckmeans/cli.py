"""The command line: a table in, its clusters out.

``ckmeans fit FILE`` goes through the functions below in the order they stand here: read the table, choose columns,
drop rows, scale, fit, summarize, write. pyarrow reads and writes the files and is imported in these functions alone,
so that the library does without it.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import difflib
import math
import os
import shutil
import sys
import textwrap
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TextIO

import numpy as np
from numpy.typing import NDArray

from . import KMeans, __version__

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]

SCALES = {
    "standard": "standard (each column to mean 0 and standard deviation 1)",
    "minmax": "minmax (each column to the range 0 to 1)",
    "none": "none (columns as they are)",
}


class CommandError(Exception):
    """What the user can put right: `main` prints it as one line and returns 2."""


def read_table(path: Path) -> pa.Table:
    """Read a CSV (.csv, .tsv, either with .gz) or Parquet file."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    name = path.name.lower()
    text_name = name.removesuffix(".gz")
    if not path.exists():
        raise CommandError(f"{path} does not exist")
    if path.is_dir():
        raise CommandError(f"{path} is a folder, not a file")
    try:
        if name.endswith(".parquet"):
            table = pa.parquet.read_table(path, partitioning=None)
        elif text_name.endswith((".csv", ".tsv")):
            delimiter = "\t" if text_name.endswith(".tsv") else ","
            layout = pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
            table = pa.csv.read_csv(path, parse_options=layout)
        else:
            raise CommandError(f"{path} must end in .csv, .tsv, .csv.gz, .tsv.gz or .parquet")
        names = table.column_names
    except UnicodeDecodeError:
        raise CommandError(f"cannot read {path}: it is not UTF-8 text") from None
    except (pa.ArrowException, OSError) as error:
        raise CommandError(f"cannot read {path}: {first_line(error)}") from error
    if table.num_rows == 0:
        raise CommandError(f"{path} has no rows")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise CommandError(f"{path} has more than one column named {twice!r}")
    return table


def choose_columns(table: pa.Table, wanted: Sequence[str] | None) -> list[str]:
    """Names of the wanted columns, or of all numeric ones when `wanted` is None."""
    numeric = [field.name for field in table.schema if is_numeric(field.type)]
    if wanted is None:
        if not numeric:
            raise CommandError(f"no numeric column among {listed(map(repr, table.column_names))}")
        return numeric
    for name in wanted:
        if name not in table.column_names:
            near = difflib.get_close_matches(name, table.column_names) or table.column_names
            raise CommandError(f"no column named {name!r}; there is {listed(map(repr, near))}")
        if name not in numeric:
            raise CommandError(f"column {name!r} is not numeric: {why_not_numeric(table[name])}")
    return list(wanted)


def is_numeric(arrow_type: pa.DataType) -> bool:
    """Whether k-means can use a column of this type; truth values and dates are not quantities."""
    from pyarrow import types

    return bool(types.is_integer(arrow_type) or types.is_floating(arrow_type) or types.is_decimal(arrow_type))


def why_not_numeric(column: pa.ChunkedArray) -> str:
    """What stands in a column that is not numeric, such as the one '?' among numbers."""
    if column.null_count == len(column):
        return "all its values are missing"
    for value in column.drop_null():
        text = str(value)
        try:
            float(text)
        except ValueError:
            return f"it holds {text!r}"
    return f"its type is {column.type}"


def to_matrix(table: pa.Table, names: Sequence[str]) -> Floats:
    """The named columns as rows of float64, NaN where a value is missing."""
    return np.column_stack([table[name].cast("float64", safe=False).to_numpy() for name in names])


def complete_rows(values: Floats, names: Sequence[str], missing: str) -> Mask:
    """Which rows have a finite value in every column; an error unless all have or `missing` is "drop"."""
    finite = np.isfinite(values)
    complete: Mask = np.all(finite, axis=1)
    if missing == "error" and not complete.all():
        gaps = [f"{name} ({n:,})" for name, n in zip(names, (~finite).sum(axis=0), strict=True) if n]
        raise CommandError(
            f"{(~complete).sum():,} of {len(values):,} rows have a missing or infinite value, the first is row"
            f" {complete.argmin() + 1:,} after the header; columns: {listed(gaps)}; leave them out with --missing drop"
        )
    if not complete.any():
        raise CommandError("every row has a missing or infinite value; choose other columns with --columns")
    return complete


class Scaling(NamedTuple):
    """What was done to each column: scaled = (value / 2**exponent - offset) / unit."""

    exponent: NDArray[np.intc]
    offset: Floats
    unit: Floats

    def restore(self, scaled: Floats) -> Floats:
        """Scaled values in the columns' own units."""
        return np.ldexp(scaled * self.unit + self.offset, self.exponent)


def scale(values: Floats, method: str) -> tuple[Floats, Scaling]:
    """Scale columns by "standard", "minmax" or "none"; the first two make a constant column 0."""
    low, high = values.min(axis=0), values.max(axis=0)
    if method == "none":
        return values, Scaling(np.zeros(len(low), np.intc), np.zeros_like(low), np.ones_like(low))
    # Division by a power of two is exact; after it no square overflows or vanishes, whatever the column's unit.
    exponent = np.frexp(np.maximum(-low, high))[1]
    low, high, scaled = (np.ldexp(x, -exponent) for x in (low, high, values))
    offset, unit = (scaled.mean(axis=0), scaled.std(axis=0)) if method == "standard" else (low, high - low)
    # The rounded mean of equal values need not be that value, and noise would be scaled to 1.
    offset, unit = np.where(low == high, low, offset), np.where(low == high, 1.0, unit)
    scaled -= offset
    scaled /= unit
    return scaled, Scaling(exponent, offset, unit)


class Progress:
    """The `callback` of a long fit: a line on the terminal, shown after `patience` seconds and gone at the end."""

    patience = 1.0
    interval = 0.1

    def __init__(self, stream: TextIO, n_runs: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream = stream
        self.n_runs = n_runs
        self.clock = clock
        self.due = clock() + self.patience
        self.shown = False

    def __call__(self, progress: Any) -> None:
        if self.clock() < self.due:
            return
        run = f"run {progress.restart + 1} of {self.n_runs}, " if self.n_runs > 1 else ""
        state = f"iteration {progress.iteration}, inertia {progress.inertia:.6g}, {progress.changed:,} rows moved"
        self.replace_line(run + state)
        self.due = self.clock() + self.interval
        self.shown = True

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.shown:
            self.replace_line("")

    def replace_line(self, text: str) -> None:
        # A line that wraps could not be taken back.
        width = shutil.get_terminal_size().columns - 1
        self.stream.write(f"\r\x1b[K{text[:width]}")
        self.stream.flush()


def fit_kmeans(scaled: Floats, args: argparse.Namespace) -> tuple[KMeans, list[str]]:
    """The fitted estimator, and what it warned about."""
    shows_progress = sys.stderr.isatty() and not args.quiet
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with Progress(sys.stderr, args.n_init) if shows_progress else contextlib.nullcontext() as progress:
            model = KMeans(
                args.clusters,
                n_init=args.n_init,
                max_iter=args.max_iter,
                random_state=args.seed,
                n_threads=args.threads,
                callback=progress,
            ).fit(scaled)
    return model, [str(warning.message) for warning in caught]


def summarize(values: Floats, labels: NDArray[np.int32], n_clusters: int) -> tuple[Counts, Floats]:
    """Rows of each cluster, and the mean of each column over them (NaN for an empty cluster)."""
    sizes = np.bincount(labels, minlength=n_clusters)
    weights = 1 / sizes[labels]
    means = np.column_stack([np.bincount(labels, column * weights, n_clusters) for column in values.T])
    return sizes, np.where(sizes[:, np.newaxis] > 0, means, np.nan)


def compact(column: Floats) -> list[str]:
    """Numbers with one and the same count of decimals: as many as tell them apart, within seven digits."""
    finite = column[np.isfinite(column)]
    largest = np.abs(finite).max(initial=0.0) or 1.0
    spread = np.ptp(finite / largest) if len(finite) > 1 else 0.0
    whole_digits = math.floor(math.log10(largest))
    # In logarithms, because the difference of two huge numbers may overflow.
    decimals = min(2 - math.floor(math.log10(largest) + math.log10(spread or 1.0)), 6 - whole_digits)
    style = f"z.{max(decimals, 0)}f" if decimals <= 6 and whole_digits <= 9 else ".3e"
    return [f"{value:{style}}" if np.isfinite(value) else "-" for value in column]


def summary_table(names: Sequence[str], sizes: Counts, means: Floats, width: int) -> str:
    """A line a cluster, or a line a column where those would be too long; several pieces if need be."""
    columns = [
        ["cluster", *map(str, range(len(sizes)))],
        ["size", *(f"{size:,}" for size in sizes)],
        ["share", *(f"{share:.1%}" for share in sizes / sizes.sum())],
        *([name, *compact(column)] for name, column in zip(names, means.T, strict=True)),
    ]
    if len(aligned(columns)[0]) > width:
        columns = [list(row) for row in zip(*columns, strict=True)]
    pieces = [columns[:2]]
    for column in columns[2:]:
        if len(aligned([*pieces[-1], column])[0]) <= width:
            pieces[-1].append(column)
        else:
            pieces.append([columns[0], column])
    return "\n\n".join("\n".join(aligned(piece)) for piece in pieces)


def aligned(columns: Sequence[Sequence[str]]) -> list[str]:
    """Lines of equal length: the first column at the left, the others at the right of their width."""
    widths = [max(map(len, column)) for column in columns]
    padded = [[cell.rjust(width) for cell in column] for column, width in zip(columns, widths, strict=True)]
    padded[0] = [cell.ljust(widths[0]) for cell in columns[0]]
    return ["  ".join(row) for row in zip(*padded, strict=True)]


def with_clusters(table: pa.Table, kept: Mask, labels: NDArray[np.int32]) -> pa.Table:
    """The table with a column `cluster`, null in the rows that were left out."""
    import pyarrow as pa

    clusters = np.zeros(len(kept), np.int32)
    clusters[kept] = labels
    return table.append_column("cluster", pa.array(clusters, mask=~kept))


def centers_table(names: Sequence[str], centers: Floats, sizes: Counts) -> pa.Table:
    """A row a cluster: its number, size, share and center."""
    import pyarrow as pa

    own = {"cluster": np.arange(len(sizes)), "cluster_size": sizes, "cluster_share": sizes / sizes.sum()}
    return pa.table(own | dict(zip(names, centers.T, strict=True)))


def write_table(table: pa.Table, path: Path) -> None:
    """Write CSV or Parquet by the suffix of `path`: all of it, or else nothing."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    target = path.resolve()  # a symbolic link stays one
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    write = pa.parquet.write_table if target.suffix.lower() == ".parquet" else pa.csv.write_csv
    try:
        write(table, partial)
        partial.replace(target)
    except (pa.ArrowException, OSError) as error:
        raise CommandError(f"cannot write {path}: {first_line(error)}") from error
    finally:
        partial.unlink(missing_ok=True)


def listed(names: Iterable[str], limit: int = 12) -> str:
    """Names joined by commas, the last of many as a count."""
    names = list(names)
    more = [f"and {len(names) - limit:,} more"] if len(names) > limit else []
    return ", ".join(names[:limit] + more)


def counted(number: int, thing: str) -> str:
    """A number of things: "1 row", "2 rows"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def first_line(error: BaseException) -> str:
    """The message of an error without what pyarrow adds below it."""
    return str(error).strip().partition("\n")[0]


def fit(args: argparse.Namespace) -> None:
    """Run ``ckmeans fit``."""
    table = read_table(args.file)
    names = choose_columns(table, args.columns)
    check_outputs(args, table.column_names, names)
    values = to_matrix(table, names)
    kept = complete_rows(values, names, args.missing)
    values = values[kept]
    if args.clusters > len(values):
        raise CommandError(f"cannot make {counted(args.clusters, 'cluster')} of {counted(len(values), 'row')}")
    scaled, scaling = scale(values, args.scale)
    model, warned = fit_kmeans(scaled, args)
    sizes, means = summarize(values, model.labels_, args.clusters)
    width = shutil.get_terminal_size().columns

    def say(title: str, text: str) -> None:
        if not args.quiet:
            print(textwrap.fill(text, width, initial_indent=f"{title:<10}", subsequent_indent=" " * 10))

    dropped = len(kept) - len(values)
    say("rows", f"{len(values):,}" + (f" ({dropped:,} left out, a value missing or infinite)" if dropped else ""))
    say("columns", listed(names))
    if args.columns is None and len(names) < table.num_columns:
        say("not used", f"{listed(name for name in table.column_names if name not in names)} (not numeric)")
    say("scale", SCALES[args.scale])
    if constant := [name for name, column in zip(names, values.T, strict=True) if column.min() == column.max()]:
        say("note", f"no effect, the same value in every row: {listed(constant)}")
    if not args.quiet:
        print(f"\n{summary_table(names, sizes, means, width)}\n")
    units = "columns as they are" if args.scale == "none" else "scaled columns"
    say("inertia", f"{model.inertia_:.6g} (sum of squared distances to the centers, {units})")
    ending = "converged" if model.converged_ else "not converged: raise --max-iter"
    say("ended", f"after {counted(model.n_iter_, 'iteration')}, {ending}")
    for warning in warned:
        print(f"ckmeans: warning: {warning}", file=sys.stderr)
    if args.output:
        write_table(with_clusters(table, kept, model.labels_), args.output)
        say("wrote", f"{args.output} (the table with a column 'cluster')")
    if args.centers:
        centers = scaling.restore(np.asarray(model.cluster_centers_, np.float64))
        write_table(centers_table(names, centers, sizes), args.centers)
        say("wrote", f"{args.centers} (centers in the columns' own units)")


def check_outputs(args: argparse.Namespace, all_names: Sequence[str], names: Sequence[str]) -> None:
    """Refuse outputs that could not be written, or that would overwrite the input or each other."""
    added = {"cluster"}, {"cluster", "cluster_size", "cluster_share"}
    for path, new, old in zip((args.output, args.centers), added, (all_names, names), strict=True):
        if path is None:
            continue
        if path.resolve() == args.file.resolve():
            raise CommandError(f"{path} is the input file; write to another one")
        if not path.parent.is_dir():
            raise CommandError(f"cannot write {path}: there is no folder {path.parent}")
        if path.is_dir():
            raise CommandError(f"cannot write {path}: it is a folder")
        if clash := new.intersection(old):
            raise CommandError(f"cannot write {path}: {args.file} has a column {min(clash)!r} already")
    if args.output and args.centers and args.output.resolve() == args.centers.resolve():
        raise CommandError(f"--output and --centers both name {args.output}")


def whole_number(least: int, most: int = 2**31 - 1) -> Callable[[str], int]:
    """The argument type of whole numbers in a range."""

    def parse(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return parse


def column_list(text: str) -> list[str]:
    """The argument type of column names: separated by commas, double quotes around a name that holds one."""
    names = [name.strip() for name in next(csv.reader([text], skipinitialspace=True))]
    if not names or "" in names or len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(f"{text!r} has an empty or repeated name")
    return names


def output_path(text: str) -> Path:
    """The argument type of files to write."""
    if not text.lower().endswith((".csv", ".parquet")):
        raise argparse.ArgumentTypeError(f"{text!r} must end in .csv or .parquet")
    return Path(text)


class Parser(argparse.ArgumentParser):
    """Tells wrong usage in one line, like any other error."""

    def error(self, message: str) -> NoReturn:
        raise CommandError(f"{message} (see {self.prog} --help)")


def build_parser() -> Parser:
    """The arguments and their help."""
    parser = Parser(prog="ckmeans", description="Exact k-means clustering of tables.")
    parser.add_argument("--version", action="version", version=f"ckmeans {__version__}")
    command = parser.add_subparsers(metavar="COMMAND", required=True).add_parser(
        "fit",
        help="cluster the rows of a table",
        description="Cluster the rows of a table and print what the clusters look like.",
        epilog="example: ckmeans fit penguins.csv -k 3 --missing drop -o labels.csv",
    )
    command.set_defaults(run=fit)
    add, count = command.add_argument, whole_number(1)
    add("file", metavar="FILE", type=Path, help="table to read: .csv, .tsv (either also .gz) or .parquet")
    add("-k", "--clusters", metavar="K", type=count, default=8, help="number of clusters (default: 8)")
    add("--columns", metavar="A,B", type=column_list, help="columns to cluster by (default: all numeric ones)")
    scales = "let columns of different units count alike: mean 0 and deviation 1 (standard, the default), range 0 to 1"
    add("--scale", choices=SCALES, default="standard", help=f"{scales} (minmax), or leave them as they are (none)")
    missing = "rows with a missing or infinite value: refuse (error, the default) or leave out (drop)"
    add("--missing", choices=("error", "drop"), default="error", help=missing)
    seed = "number that fixes the random choice of initial centers (default: 0)"
    add("--seed", metavar="S", type=whole_number(0), default=0, help=seed)
    n_init = "runs from different initial centers; the one of lowest inertia counts (default: 1)"
    add("--n-init", metavar="N", type=count, default=1, help=n_init)
    add("--max-iter", metavar="N", type=count, default=300, help="most iterations a run (default: 300)")
    add("--threads", metavar="N", type=count, help="threads to use (default: all available)")
    output = "write the table with a column 'cluster' (.csv or .parquet)"
    add("-o", "--output", metavar="FILE", type=output_path, help=output)
    centers = "write the centers in the columns' own units (.csv or .parquet)"
    add("--centers", metavar="FILE", type=output_path, help=centers)
    add("--quiet", action="store_true", help="print warnings and errors only")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments after the program's name; those of the process when None.

    Returns
    -------
    int
        0 when all went well, 2 after wrong usage or bad input, 130 after Ctrl-C.
    """
    try:
        args = build_parser().parse_args(argv)
        args.run(args)
        return 0
    except KeyboardInterrupt:
        print("ckmeans: interrupted", file=sys.stderr)
        return 130
    except CommandError as error:
        message = str(error)
    except MemoryError:
        message = "not enough memory"
    except ImportError as error:
        if not (error.name or "").startswith("pyarrow"):
            raise
        message = "reading and writing tables needs pyarrow: install ckmeans-native[cli]"
    # What a broken file holds may stand in the message and must not reach the terminal as control codes.
    printable = "".join(character if character.isprintable() else "?" for character in message)
    print(f"ckmeans: error: {printable}", file=sys.stderr)
    return 2
