from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from answerable.record_table import Forgotten
from answerable.store import Store

DAYS = [datetime(2024, 1, day) for day in range(1, 10)]  # noqa: DTZ001


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path) as opened:
        yield opened


def keep(store: Store, day: int, payloads: dict[str, str], digests: dict[str, str] | None = None) -> None:
    with store.transaction():
        store.records.keep("s", payloads, at=DAYS[day], digests=digests)


def test_a_payload_that_says_the_same_replaces_the_old_one_and_is_no_revision(store: Store) -> None:
    keep(store, 0, {"1": "likes: 3"}, {"1": "x"})
    keep(store, 1, {"1": "likes: 4"}, {"1": "x"})
    assert store.records.payloads("s") == {"1": "likes: 4"}
    assert list(store.records.revised("s")) == []
    keep(store, 2, {"1": "edited"}, {"1": "y"})
    found = [(r.revision, r.payload, r.fetched_at) for r in store.records.revised("s")]
    assert found == [(1, "likes: 4", DAYS[0]), (2, "edited", DAYS[2])]


def test_what_is_gone_loses_its_content_and_may_come_back(store: Store) -> None:
    keep(store, 0, {"1": "secret words", "2": "b"})
    with store.transaction():
        store.records.end("s", ["1"], at=DAYS[1])
    assert store.records.payloads("s") == {"2": "b"}
    keep(store, 2, {"1": "again"})
    assert store.records.payloads("s") == {"1": "again", "2": "b"}
    assert [r.payload for r in store.records.revised("s")] == ["again"]


def test_a_check_and_a_new_look_move_the_time_at_which_it_was_seen(store: Store) -> None:
    keep(store, 0, {"1": "a", "2": "b", "3": "c"})
    keep(store, 3, {"1": "a"})
    with store.transaction():
        store.records.check("s", ["2"], at=DAYS[4])
    times = {row["record_id"]: row["checked_at"] for row in store.records.times("s").to_pylist()}
    assert times == {"1": DAYS[3], "2": DAYS[4], "3": DAYS[0]}


def test_what_was_reduced_stays_so_until_it_says_something_else(store: Store) -> None:
    keep(store, 0, {"1": "old words"}, {"1": "x"})
    keep(store, 1, {"1": "all the words"}, {"1": "y"})
    with store.transaction():
        store.records.reduce("s", {"1": "what is left"})
    keep(store, 2, {"1": "all the words"}, {"1": "y"})
    assert [(r.payload, r.is_reduced) for r in store.records.latest("s")] == [("what is left", True)]
    assert list(store.records.revised("s")) == []
    keep(store, 3, {"1": "other words"}, {"1": "z"})
    assert [(r.payload, r.is_reduced) for r in store.records.latest("s")] == [("other words", False)]


def test_erasing_leaves_no_byte_of_what_was_removed(store: Store) -> None:
    words = [f"the person wrote sentence {n} of their own" for n in range(2000)]
    keep(store, 0, {str(n): text for n, text in enumerate(words)})
    with store.transaction():
        store.records.drop("s", [str(n) for n in range(0, 2000, 2)])
        store.records.forget([Forgotten("k", "s", "personal_data", date(2024, 1, 1))])
        store.set_mark("m", "1")
    generation = store.generation
    store.erase()
    content = b"".join(p.read_bytes() for p in sorted(store.folder.rglob("*")) if p.is_file())
    assert sum(words[n].encode() in content for n in range(0, 2000, 2)) == 0
    assert len(store.records.payloads("s")) == 1000
    assert store.records.forgotten()[0].key == "k"
    keep(store, 1, {"1": "new"})
    assert (store.generation, store.mark("m")) == (generation + 1, "1")
