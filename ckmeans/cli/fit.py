"""``ckmeans fit``: cluster the rows of a table.

`run` reads the table, chooses columns, drops rows, scales, fits, prints and writes, in this order.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import KMeans
from .._show.progress import FitLine, terminal_width
from .._show.tables import compact, folded
from .._show.text import counted, label, listed_names
from .._types import Counts, Floats, Labels, Mask
from .arguments import column_list, output_path, whole_number
from .errors import CommandError, explained
from .files import check_output, same_file, standard_stream
from .scaling import SCALES, scale
from .tables import choose_columns, complete_rows, read_table, to_column, to_matrix, write_table
from .terminal import Printer, is_terminal

if TYPE_CHECKING:
    import pyarrow as pa

SUMMARY = "cluster the rows of a table"
DESCRIPTION = "Cluster the rows of a table and print what the clusters look like."
EPILOG = """\
example: ckmeans fit penguins.csv -k 3 --missing drop -o labels.csv

A file is written whole or not at all, and keeps its mode and owner. Streams
(/dev/stdout, FIFOs, devices) are written into, as CSV unless they end in
.parquet; where the table goes to standard output, the summary goes to
standard error."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments and their help."""
    add, count = parser.add_argument, whole_number(1)
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
    output = "write the table with a column 'cluster' (.csv or .parquet, or a stream)"
    add("-o", "--output", metavar="FILE", type=output_path, help=output)
    centers = "write the centers in the columns' own units (.csv or .parquet, or a stream)"
    add("--centers", metavar="FILE", type=output_path, help=centers)
    add("--quiet", action="store_true", help="print warnings and errors only")


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    table = read_table(args.file)
    names = choose_columns(table, args.columns)
    check_outputs(args, table.column_names, names)
    values = to_matrix(table, names)
    kept = complete_rows(values, names, args.missing)
    values = values[kept]
    if args.clusters > len(values):
        raise CommandError(f"cannot make {counted(args.clusters, 'cluster')} of {counted(len(values), 'row')}")
    scaled, scaling = scale(values, args.scale)
    errors = Printer(sys.stderr)
    model, warned = fit_kmeans(scaled, args, errors)
    sizes, means = summarize(values, model.labels_, args.clusters)

    taken = [stream for path in (args.output, args.centers) if path and (stream := standard_stream(path))]
    out = Printer(sys.stderr if sys.stdout in taken else sys.stdout, args.quiet)
    dropped = len(kept) - len(values)
    left_out = f" ({dropped:,} left out, a value missing or infinite)" if dropped else ""
    out.entry("rows", f"{len(values):,}{left_out}")
    out.entry("columns", listed_names(names))
    if args.columns is None and len(names) < table.num_columns:
        out.entry("not used", f"{listed_names(name for name in table.column_names if name not in names)} (not numeric)")
    out.entry("scale", SCALES[args.scale])
    if constant := [name for name, column in zip(names, values.T, strict=True) if column.min() == column.max()]:
        out.entry("note", f"no effect, the same value in every row: {listed_names(constant)}")
    out.print(f"\n{summary_table(names, sizes, means, terminal_width())}\n")
    units = "columns as they are" if args.scale == "none" else "scaled columns"
    out.entry("inertia", f"{model.inertia_:.6g} (sum of squared distances to the centers, {units})")
    ending = "converged" if model.converged_ else "not converged: raise --max-iter"
    out.entry("ended", f"after {counted(model.n_iter_, 'iteration')}, {ending}")
    for warning in warned:
        errors.print(f"ckmeans: warning: {warning}")
    if args.output:
        write_table(with_clusters(table, kept, model.labels_), args.output)
        out.entry("wrote", f"{args.output} (the table with a column 'cluster')")
    if args.centers:
        centers = scaling.restore(np.asarray(model.cluster_centers_, np.float64))
        write_table(centers_table(names, centers, sizes), args.centers)
        out.entry("wrote", f"{args.centers} (centers in the columns' own units)")
    out.finish()


def check_outputs(args: argparse.Namespace, all_names: Sequence[str], names: Sequence[str]) -> None:
    """Refuse outputs that could not be written, or that would overwrite the input or each other."""
    added = {"cluster"}, {"cluster", "cluster_size", "cluster_share"}
    for path, new, old in zip((args.output, args.centers), added, (all_names, names), strict=True):
        if path is None:
            continue
        with explained(f"write {path}"):
            if same_file(path, args.file):
                raise CommandError(f"{path} is the input file; write to another one")
            check_output(path)
        if clash := new.intersection(old):
            raise CommandError(f"cannot write {path}: {args.file} has a column {min(clash)!r} already")
    if args.output and args.centers and same_file(args.output, args.centers):
        raise CommandError(f"--output and --centers both name {args.output}")


def fit_kmeans(scaled: Floats, args: argparse.Namespace, errors: Printer) -> tuple[KMeans, list[str]]:
    """The fitted estimator, and what it warned about."""
    shows_progress = is_terminal(sys.stderr) and not args.quiet
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with FitLine(errors.write, args.n_init) if shows_progress else contextlib.nullcontext() as progress:
            model = KMeans(
                args.clusters,
                n_init=args.n_init,
                max_iter=args.max_iter,
                random_state=args.seed,
                n_threads=args.threads,
                callback=progress,
            ).fit(scaled)
    return model, [str(warning.message) for warning in caught]


def summarize(values: Floats, labels: Labels, n_clusters: int) -> tuple[Counts, Floats]:
    """Rows of each cluster, and the mean of each column over them (NaN for an empty cluster)."""
    sizes = np.bincount(labels, minlength=n_clusters)
    weights = 1 / sizes[labels]
    means = np.column_stack([np.bincount(labels, column * weights, n_clusters) for column in values.T])
    return sizes, np.where(sizes[:, np.newaxis] > 0, means, np.nan)


def summary_table(names: Sequence[str], sizes: Counts, means: Floats, width: int) -> str:
    """A line a cluster, or a line a column where those would be too long; several pieces if need be."""
    columns = [
        ["cluster", *map(str, range(len(sizes)))],
        ["size", *(f"{size:,}" for size in sizes)],
        ["share", *(f"{share:.1%}" for share in sizes / sizes.sum())],
        *([label(name), *compact(column)] for name, column in zip(names, means.T, strict=True)),
    ]
    return folded(columns, width)


def with_clusters(table: pa.Table, kept: Mask, labels: Labels) -> pa.Table:
    """The table with a column `cluster`, null in the rows that were left out."""
    clusters = np.zeros(len(kept), np.int32)
    clusters[kept] = labels
    return table.append_column("cluster", to_column(clusters, kept))


def centers_table(names: Sequence[str], centers: Floats, sizes: Counts) -> pa.Table:
    """A row a cluster: its number, size, share and center."""
    import pyarrow as pa

    own = {"cluster": np.arange(len(sizes)), "cluster_size": sizes, "cluster_share": sizes / sizes.sum()}
    columns = own | dict(zip(names, centers.T, strict=True))
    return pa.table({name: to_column(column) for name, column in columns.items()})
