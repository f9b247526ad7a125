"""Several processes that read texts: when they are used, and how they end."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pyarrow as pa
import pytest

from answerable.errors import AnswerableError, UsageError
from answerable.settings import load_settings
from answerable.store import Store
from answerable.understand import workers
from answerable.understand.stage import understand
from answerable.understand.texts import TEXT_KEY
from answerable.understand.words import UPDATES, Known, WordRules, word_rules

if TYPE_CHECKING:
    from tests.unit.understand.conftest import Town

PROGRAM = """
import multiprocessing, sys, time
from pathlib import Path
from answerable.settings import load_settings
from answerable.store import Store
from answerable.understand import stage, texts, workers
workers.FEW_TEXTS, texts.BATCH_TEXTS = 1, 2
by = workers._by
def slowly(*arguments):
    for number, decided in enumerate(by(*arguments)):
        if arguments[2] == "texts" and number == 2:
            print("READY", *(child.pid for child in multiprocessing.active_children()), flush=True)
            time.sleep(600)
        yield decided
workers._by = slowly
with Store.open(Path(sys.argv[1]) / "build" / "store") as store:
    stage.understand(store, load_settings(Path(sys.argv[1])))
"""

BY_MONTH = ("reading", "update_reading", "kept_reading", "kept_update_reading")


@pytest.fixture
def rules(town: Town) -> tuple[Known, WordRules]:
    known = Known(town.settings, (), None)
    return known, word_rules(known)


def batch(number: int, size: int = 3) -> pa.RecordBatch:
    texts = [
        f"Number {number}.{place} was mended, ring 020 7946 {number:02d}{place:02d}" for place in range(size)
    ]
    columns = {TEXT_KEY: texts, "text": texts, "is_official": [True] * size}
    return pa.record_batch(columns)


def test_batches_come_back_in_their_order(
    rules: tuple[Known, WordRules], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "FEW_TEXTS", 2)
    monkeypatch.setenv(workers.VARIABLE, "2")
    given = [batch(number, size=1 + number % 4) for number in range(20)]
    with workers.deciders(*rules) as decide:
        found = list(decide("updates", iter(given)))
        # A slice goes alone, without what it was cut from.
        (of_slice,) = decide("updates", iter([given[3].slice(1, 2)]))
        assert multiprocessing.active_children()
    assert not multiprocessing.active_children()
    assert found == [UPDATES.decided(one, rules[1]) for one in given]
    assert of_slice == found[3].slice(1, 2)
    assert found[0].column("own_text").to_pylist() == ["Number 0.0 was mended, ring [phone]"]


def test_few_texts_are_read_here(rules: tuple[Known, WordRules], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(workers.VARIABLE, "2")
    with workers.deciders(*rules) as decide:
        found = list(decide("updates", iter([batch(1), batch(2)])))
        assert list(decide("updates", iter([]))) == []
        assert not multiprocessing.active_children()
    assert found == [UPDATES.decided(batch(n), rules[1]) for n in (1, 2)]


def test_another_process_begins_where_it_pays(
    rules: tuple[Known, WordRules], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "AHEAD_TEXTS", 4)
    monkeypatch.setattr(workers, "FEW_TEXTS", 20)
    monkeypatch.setenv(workers.VARIABLE, "2")
    with workers.deciders(*rules) as decide:
        assert decide.ahead("updates", [batch(1)]) is None
        assert decide.ahead("updates", [batch(n) for n in range(7)]) is None
        assert not multiprocessing.active_children()
        begun = decide.ahead("updates", [batch(1), batch(2)])
        assert begun is not None
        assert len(multiprocessing.active_children()) == 1
        assert list(begun()) == [UPDATES.decided(batch(n), rules[1]) for n in (1, 2)]
    assert not multiprocessing.active_children()
    monkeypatch.setenv(workers.VARIABLE, "1")
    with workers.deciders(*rules) as decide:
        assert decide.ahead("updates", [batch(1), batch(2)]) is None


def test_a_process_that_begins_and_dies_is_named(
    rules: tuple[Known, WordRules], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "AHEAD_TEXTS", 1)
    monkeypatch.setattr(workers, "FEW_TEXTS", 10_000)
    monkeypatch.setenv(workers.VARIABLE, "2")
    with workers.deciders(*rules) as decide:
        begun = decide.ahead("updates", [batch(n) for n in range(1000)])
        assert begun is not None
        for child in multiprocessing.active_children():
            child.kill()
        with pytest.raises(AnswerableError, match="ended before it was done"):
            list(begun())


def test_a_process_that_dies_is_named(
    rules: tuple[Known, WordRules], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "FEW_TEXTS", 1)
    monkeypatch.setenv(workers.VARIABLE, "2")

    def batches() -> Iterator[pa.RecordBatch]:
        for number in range(1000):
            if number == 10:
                for child in multiprocessing.active_children():
                    child.kill()
            yield batch(number)

    with workers.deciders(*rules) as decide, pytest.raises(AnswerableError, match="ended before it was done"):
        list(decide("updates", batches()))
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("value", ["0", "two", "-1", "1.5", "²"])
def test_a_wrong_number_of_processes_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(workers.VARIABLE, value)
    with pytest.raises(UsageError, match=workers.VARIABLE):
        workers.process_count()


def test_there_are_as_many_processes_as_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(workers.VARIABLE, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5})
    assert workers.process_count() == 3
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    assert workers.process_count() == 4
    monkeypatch.setenv(workers.VARIABLE, "7")
    assert workers.process_count() == 7


def test_a_killed_reading_leaves_no_process_and_no_half_month(
    town: Town, tmp_path: Path, town_type: type[Town]
) -> None:
    def filled(one: Town) -> Town:
        for number in range(40):
            month = 1 + number % 3
            post = one.add(
                f"p{number}", f"2024-0{month}-05", source_id="posts", text=f"The lamp number {number} is out"
            )
            one.say(post, f"2024-0{month}-06", f"Lamp {number} was mended")
        one.gather()
        return one

    filled(town)
    understand(town.store, town.settings)
    folder = tmp_path / "killed"
    with Store.open(folder / "build" / "store") as store:
        before = filled(town_type(folder, store)).digests()
    environment = os.environ | {workers.VARIABLE: "2"}
    command = [sys.executable, "-c", PROGRAM, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        ready = next(line for line in lines if line.startswith("READY"))
        children = [int(pid) for pid in ready.split()[1:]]
        assert len(children) == 2
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 60
    while any(map(_runs, children)):
        assert time.monotonic() < deadline, "a process is left"
        time.sleep(0.05)
    with Store.open(folder / "build" / "store") as store:
        assert {name: store.digest(name) for name in BY_MONTH} == {name: before[name] for name in BY_MONTH}
        assert not list((folder / "build" / "store").glob("spill-*/**/*.parquet"))
        understand(store, load_settings(folder))
        assert {name: store.digest(name) for name in before} == town.digests()


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
