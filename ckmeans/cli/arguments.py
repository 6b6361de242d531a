"""Types of arguments: text to value, or else what is wrong with it."""

from __future__ import annotations

import csv
from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path

from .files import is_stream


def whole_number(least: int, most: int = 2**31 - 1) -> Callable[[str], int]:
    """The argument type of whole numbers in a range."""

    def parse(text: str) -> int:
        # Python refuses to make a number of thousands of digits.
        if not text.isdecimal() or len(text) > 100 or not least <= int(text) <= most:
            raise ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return parse


def column_list(text: str) -> list[str]:
    """The argument type of column names: separated by commas; double quotes keep commas, newlines and blanks."""
    try:
        names = next(csv.reader([text], skipinitialspace=True, strict=True))
    except csv.Error:
        raise ArgumentTypeError(f"{text!r} has a line break outside double quotes, or quotes out of place") from None
    if not names or "" in names or len(set(names)) < len(names):
        raise ArgumentTypeError(f"{text!r} has an empty or repeated name")
    return names


def output_path(text: str) -> Path:
    """The argument type of files to write."""
    if not text.lower().endswith((".csv", ".parquet")) and not is_stream(Path(text)):
        raise ArgumentTypeError(f"{text!r} must end in .csv or .parquet")
    return Path(text)
