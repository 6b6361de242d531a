"""Many small pieces of work on several threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import copy_context
from threading import Lock, Thread
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def side_by_side(function: Callable[[T], R], items: Sequence[T], n_threads: int) -> list[R]:
    """``function`` of every item, in their order, on several threads: for small fits, which gain nothing from threads
    of their own.

    The caller draws items like its helpers, of whom there are as many as can be started, and so maybe none. Once one
    of them has failed, nobody draws another item.
    """
    if n_threads == 1 or len(items) == 1:
        return [function(item) for item in items]
    left, lock = list(range(len(items)))[::-1], Lock()
    results: dict[int, R] = {}
    errors: list[BaseException] = []

    def work() -> None:
        while True:
            with lock:
                if errors or not left:
                    return
                item = left.pop()
            results[item] = function(items[item])

    def help_out() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    helpers: list[Thread] = []
    try:
        for _ in range(min(n_threads, len(items)) - 1):
            helper = Thread(target=copy_context().run, args=(help_out,))
            try:
                helper.start()
            except RuntimeError:  # no thread is to be had
                break
            helpers.append(helper)
        work()
        for helper in helpers:
            helper.join()
    except BaseException as error:
        errors.append(error)
        for helper in helpers:  # within this block, so that their fits see where the main thread is left for Ctrl-C
            helper.join()
        raise
    if errors:
        raise errors[0]
    return [results[item] for item in range(len(items))]
