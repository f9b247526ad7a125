"""Several processes that decide on words, where there are so many texts that it pays to start them.

    with deciders(known, rules) as decide:
        for decisions in decide("texts", batches):
            ...

The batches of decisions come in the order of the batches of texts, and are the same with one process or with several.
A process is started when it is first needed, makes its rules once, and ends when its parent does, however that ends.

Nothing heavy is loaded with this module: an environment variable that numpy reads at its start can still be set.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import threading
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from answerable.errors import AnswerableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pyarrow as pa

    from answerable.understand.words import Known, WordRules

__all__ = ["AHEAD_TEXTS", "BATCH_TEXTS", "FEW_TEXTS", "VARIABLE", "deciders", "process_count"]

VARIABLE = "ANSWERABLE_PROCESSES"
"""The environment variable that says how many processes decide on texts."""

BATCH_TEXTS = 2_000
"""Texts in a batch: a second's work, so that no process waits long for another at the end."""

FEW_TEXTS = 20_000
"""With fewer than these one process has done before others are ready (each takes two seconds to start)."""

AHEAD_TEXTS = 3_000
"""From so many texts on another process begins with them while this one looks for copies."""

_MOST = 4  # a process takes some 200 MB
_AHEAD = 2  # batches that lie ready for each process


class Decider(Protocol):
    """From the name of a question and batches of texts to batches of decisions, in the same order."""

    def __call__(self, question: str, batches: Iterable[pa.RecordBatch], /) -> Iterator[pa.RecordBatch]: ...

    def ahead(
        self, question: str, batches: Sequence[pa.RecordBatch], /
    ) -> Callable[[], Iterator[pa.RecordBatch]] | None:
        """Begin to decide while the caller does something else; what it returns gives the decisions.

        None where that does not pay, or where there are no other processes: then nothing has begun.
        """
        ...


def process_count() -> int:
    """How many processes decide: as many as this one may use processors, at most four, or what `VARIABLE` says.

    Raises:
        UsageError: it says something else than a number from 1 on.
    """
    given = os.environ.get(VARIABLE, "")
    if not given:
        return min(len(os.sched_getaffinity(0)), _MOST)
    if not given.isascii() or not given.isdigit() or int(given) < 1:
        raise UsageError(f"{VARIABLE} is {given!r}", remedy="give a number from 1 on, or leave it out")
    return int(given)


@contextlib.contextmanager
def deciders(known: Known, rules: WordRules) -> Iterator[Decider]:
    """A function that decides on batches of texts, with several processes once there are many of them.

    Args:
        known: what other processes make their rules of.
        rules: the same rules, made in this process.

    Raises:
        AnswerableError: a process died.
        UsageError: `VARIABLE` is wrong.
    """
    with contextlib.ExitStack() as stack:
        yield _Deciders(known, rules, process_count(), stack)


@dataclass(slots=True)
class _Deciders:
    known: Known
    rules: WordRules
    count: int
    stack: contextlib.ExitStack
    pool: ProcessPoolExecutor | None = None

    def __call__(self, question: str, batches: Iterable[pa.RecordBatch], /) -> Iterator[pa.RecordBatch]:
        from answerable.understand.words import QUESTIONS

        coming = iter(batches)
        first: list[pa.RecordBatch] = []
        if self.count > 1:
            held = 0
            for batch in coming:
                first.append(batch)
                held += batch.num_rows
                if held >= FEW_TEXTS:
                    self.pool = self.pool or self.stack.enter_context(_pool(self.known, self.count))
                    yield from _by(self.pool, self.count, question, itertools.chain(first, coming))
                    return
        for batch in itertools.chain(first, coming):
            yield QUESTIONS[question].decided(batch, self.rules)

    def ahead(
        self, question: str, batches: Sequence[pa.RecordBatch], /
    ) -> Callable[[], Iterator[pa.RecordBatch]] | None:
        texts = sum(batch.num_rows for batch in batches)
        if self.count == 1 or not AHEAD_TEXTS <= texts < FEW_TEXTS:
            return None
        # One process: the caller is busy on another processor.
        pool = self.stack.enter_context(_pool(self.known, 1))
        begun = deque(_submit(pool, question, batch) for batch in batches)
        return lambda: _results(begun)


@contextlib.contextmanager
def _pool(known: Known, count: int) -> Iterator[ProcessPoolExecutor]:
    # Spawned, not forked: DuckDB has threads, and a fork in the middle of them may never come back.
    pool = ProcessPoolExecutor(
        count, multiprocessing.get_context("spawn"), initializer=_begin, initargs=(known,)
    )
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _by(
    pool: ProcessPoolExecutor, count: int, question: str, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    coming = (_submit(pool, question, batch) for batch in batches)
    yield from _results(deque(), coming, waiting_at_most=count * _AHEAD)


def _submit(pool: ProcessPoolExecutor, question: str, batch: pa.RecordBatch) -> Future[pa.RecordBatch]:
    # Serialised, because to pickle a slice would take all of what it was cut from.
    return pool.submit(_decided, question, batch.schema, batch.serialize().to_pybytes())


def _results(
    waiting: deque[Future[pa.RecordBatch]],
    coming: Iterable[Future[pa.RecordBatch]] = (),
    *,
    waiting_at_most: int = 0,
) -> Iterator[pa.RecordBatch]:
    """What comes of what was submitted, and of what is submitted while so much of it at most waits."""
    try:
        for following in coming:
            waiting.append(following)
            if len(waiting) > waiting_at_most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise AnswerableError(
            "a process that was reading texts ended before it was done",
            remedy=f"memory may have run out: set {VARIABLE}=1 for fewer processes, and build again",
        ) from error


# -- in the other process ----------------------------------------------------------------------------------------------

_RULES: WordRules | None = None


def _begin(known: Known) -> None:
    """Make the rules, once."""
    global _RULES  # noqa: PLW0603 - what an initializer makes can be handed on in no other way
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # The processes share the processors already.
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    from answerable.understand.words import word_rules

    _RULES = word_rules(known)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _decided(question: str, schema: pa.Schema, texts: bytes) -> pa.RecordBatch:
    import pyarrow as pa

    from answerable.understand.words import QUESTIONS

    if _RULES is None:
        message = "the rules have not been made"
        raise RuntimeError(message)
    batch = pa.ipc.read_record_batch(pa.py_buffer(texts), schema)
    return QUESTIONS[question].decided(batch, _RULES)
