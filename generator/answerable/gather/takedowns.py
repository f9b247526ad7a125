"""What people had taken down: it leaves the store with every copy, and never comes back.

All that remains is a keyed hash of where it came from, and a line in the public log that says when and why, not what.
``data/lookups/takedowns.yml`` lists what a project takes down wherever it is built:

    takedowns:
      - id: square:1234            # or url: https://..., or key: 0f3a... (which names nothing)
        reason: personal_data
        removed_on: 2026-03-02
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal, Self

import ibis
import pyarrow as pa
from pydantic import model_validator

from answerable import schema
from answerable.errors import UsageError
from answerable.gather import engine
from answerable.record_table import Forgotten
from answerable.settings import Model, Settings, load_yaml
from answerable.store import Store

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Target", "apply_file", "find", "forget", "key", "keys", "lines_naming", "write_log"]

log = logging.getLogger(__name__)

Reason = Literal["personal_data", "asked_by_author", "court_order", "mistake"]
FILE = "takedowns.yml"

_TABLES = (
    "feedback",
    "feedback_update",
    "reading",
    "sketch",
    "near_copy",
    "update_reading",
    "issue_feedback",
    "issue_candidate",
    "issue_cell",
    "response_feedback",
    "clock",
)
"""The tables with rows of single feedback; what is made from them is made anew by the next build."""

_KEPT_TABLES = ("kept_reading", "kept_update_reading")
"""The tables that keep decisions on words: what they hold of a month goes as a whole, and is decided anew."""

_SHORTEST_COPY = 20


class _Entry(Model):
    id: str | None = None
    url: str | None = None
    key: str | None = None
    reason: Reason
    removed_on: date

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(v is not None for v in (self.id, self.url, self.key)) != 1:
            raise ValueError("give one of id (SOURCE:RECORD), url or key")
        if self.id is not None and not all(self.id.partition(":")):
            raise ValueError("an id is SOURCE:RECORD, such as square:1234")
        return self


class _File(Model):
    takedowns: tuple[_Entry, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """One record to remove; ``feedback_id`` is empty where none is held (it is kept from ever coming)."""

    source_id: str
    record_id: str
    feedback_id: str


def key(secret: bytes, source_id: str, record_id: str) -> str:
    """The keyed hash by which a record is known again."""
    return engine.keyed_hash(secret, f"{source_id}:{record_id}")


def keys(store: Store) -> frozenset[str]:
    """The keyed hashes of everything that was taken down."""
    return frozenset(f.key for f in store.records.forgotten())


def find(store: Store, settings: Settings, name: str) -> tuple[Target, ...]:
    """What an address, a feedback_id or SOURCE:RECORD stands for, with its copies.

    Copies are what has the same address in any source, and reposts that repeat the text.

    Raises:
        UsageError: nothing held has that name, and it is not SOURCE:RECORD of a configured source.
    """
    feedback = store.read("feedback")
    source_id, _, record_id = name.partition(":")
    is_pair = source_id in settings.source_by_id and bool(record_id)
    named = (feedback.feedback_id == name) | (feedback.url == name)
    if is_pair:
        named = named | ((feedback.source_id == source_id) & (feedback.record_id == record_id))
    wanted = ("feedback_id", "source_id", "record_id", "url", "title", "text")
    found = store.con.to_pyarrow(feedback.filter(named).select(*wanted)).to_pylist()
    if not found and not is_pair:
        raise UsageError(
            f"nothing that is held has the address or id {name}",
            remedy="name it as SOURCE:RECORD, such as square:1234, to keep it from ever coming",
        )
    targets = [Target(row["source_id"], row["record_id"], row["feedback_id"]) for row in found]
    if not found:
        targets.append(Target(source_id, record_id, ""))
    for row in found:
        is_copy = ibis.literal(False)
        if row["url"]:
            is_copy = is_copy | (feedback.url == row["url"])
        text = row["text"] or ""
        if len(text) >= _SHORTEST_COPY:
            is_copy = is_copy | (feedback.is_repost & feedback.text.contains(text))
        rows = store.con.to_pyarrow(
            feedback.filter(is_copy.fill_null(False)).select("source_id", "record_id", "feedback_id")
        )
        targets += [Target(**copy) for copy in rows.to_pylist()]
    return tuple(dict.fromkeys(targets))


def lines_naming(store: Store, settings: Settings, targets: Iterable[Target]) -> tuple[str, ...]:
    """Where the project's own files still name what is to be forgotten, or an issue that it is in: ``FILE, line N``.

    Looked through are reviewed decisions, labels and what officials put on the record: only people may change those.
    Ask before `forget`: afterwards nobody knows what updates and issues it had.
    """
    targets = tuple(targets)
    ids = sorted({t.feedback_id for t in targets if t.feedback_id})
    words = {*ids, *(f"{t.source_id}:{t.record_id}" for t in targets)}
    for table, column in (
        ("feedback_update", "update_id"),
        ("issue_feedback", "issue_id"),
        ("issue_feedback", "base_issue_id"),
    ):
        rows = store.read(table)
        rows = rows.filter(rows.feedback_id.isin(ids) & rows[column].notnull()).select(column)
        words |= set(store.con.to_pyarrow(rows)[column].to_pylist())
    whole = re.compile("|".join(_whole(word) for word in sorted(words)))
    pairs = [(re.compile(_whole(t.source_id)), re.compile(_whole(t.record_id))) for t in targets]
    alone = [record for _, record in pairs]
    found = []
    for path in sorted(
        p for part in ("lookups", "responses") for p in _texts(settings.project / "data" / part)
    ):
        lines = path.read_text("utf-8", errors="replace").splitlines()
        # A sheet of one source names it nowhere.
        is_sheet = path.suffix == ".csv" and not (lines and "source_id" in lines[0])
        for number, line in enumerate(lines, 1):
            is_named = whole.search(line) or any(s.search(line) and r.search(line) for s, r in pairs)
            if is_named or (is_sheet and any(r.search(line) for r in alone)):
                found.append(f"{path.relative_to(settings.project)}, line {number}")
    return tuple(found)


def _texts(folder: Path) -> Iterator[Path]:
    return (p for p in folder.rglob("*") if p.is_file() and p.suffix in _TEXTS and p.name != FILE)


_TEXTS = frozenset({".yml", ".yaml", ".jsonl", ".csv", ".md"})


def _whole(word: str) -> str:
    """A word that stands alone: a longer number that holds it is another."""
    return rf"(?<![\w:-]){re.escape(word)}(?![\w-])"


def forget(
    store: Store, targets: Sequence[Target], *, reason: str, removed_on: date
) -> tuple[Forgotten, ...]:
    """Remove records, their revisions and every row made from them; leave their keyed hashes and no byte on disk.

    What is made of many rows (issues, measures, pages) is made anew by the next build.
    """
    secret = store.secret()
    removals = tuple(
        Forgotten(key(secret, t.source_id, t.record_id), t.source_id, reason, removed_on) for t in targets
    )
    _remove(store, targets, removals)
    store.erase()
    return removals


def _remove(store: Store, targets: Iterable[Target], removals: Sequence[Forgotten]) -> None:
    by_source: dict[str, list[Target]] = {}
    for target in targets:
        by_source.setdefault(target.source_id, []).append(target)
    with store.transaction():
        for source_id, removed in by_source.items():
            store.records.drop(source_id, [t.record_id for t in removed])
            ids = [t.feedback_id for t in removed if t.feedback_id]
            if not ids:
                continue
            gone = ibis.memtable(pa.table({"gone_id": pa.array(ids, pa.string())}))
            touched: set[str] = set()
            for name in _TABLES:
                rows = store.read(name, source_id=source_id)
                hit = rows.semi_join(gone, rows.feedback_id == gone.gone_id)
                months = store.con.to_pyarrow(hit.select("month").distinct())["month"].to_pylist()
                for month in sorted(months):
                    part = store.read(name, source_id=source_id, months=[month])
                    kept = part.anti_join(gone, part.feedback_id == gone.gone_id)
                    store.write(name, kept, source_id=source_id, months=[month])
                touched.update(months)
            for name in _KEPT_TABLES:
                nothing = store.read(name, source_id=source_id, months=[])
                store.write(name, nothing, source_id=source_id, months=sorted(touched))
        gone_ids = [t.feedback_id for ts in by_source.values() for t in ts if t.feedback_id]
        if gone_ids:
            _remove_elsewhere(store, gone_ids)
            _remove_addresses(store, gone_ids)
            _remove_decisions(store, gone_ids)
        # It may have been among the texts that showed how the site writes its words.
        store.write("spelling_word", store.read("spelling_word").limit(0))
        store.records.forget(removals)
        write_log(store)
        # What was made of many rows may still hold its words.
        for stage in ("build", "understand", "measure", "publish", "spelling"):
            store.set_mark(stage, "")


def _remove_addresses(store: Store, gone_ids: Sequence[str]) -> None:
    """An address made of its words answers no longer."""
    address = store.read("issue_address")
    is_gone = address.worded_by_id.isin(gone_ids).fill_null(False)
    if store.con.to_pyarrow(is_gone.any()).as_py():
        store.write("issue_address", address.filter(~is_gone))


def _remove_decisions(store: Store, gone_ids: Sequence[str]) -> None:
    """What people decided about it: the next build writes of it that it matches nothing, and no more."""
    told = store.read("override")
    is_gone = (told.about_id.isin(gone_ids) | told.other_id.isin(gone_ids)).fill_null(False)
    if store.con.to_pyarrow(is_gone.any()).as_py():
        store.write("override", told.filter(~is_gone))


def _remove_elsewhere(store: Store, gone_ids: Sequence[str]) -> None:
    """What was said of it elsewhere, or what it said of others: such a link lies with the feedback that it answers."""
    said = store.read("update_elsewhere")
    is_gone = said.feedback_id.isin(gone_ids) | said.post_id.isin(gone_ids)
    parts = store.con.to_pyarrow(said.filter(is_gone).select("source_id", "month").distinct()).to_pylist()
    for part in sorted(parts, key=lambda row: (row["source_id"], row["month"])):
        rows = store.read("update_elsewhere", source_id=part["source_id"], months=[part["month"]])
        kept = rows.filter(~(rows.feedback_id.isin(gone_ids) | rows.post_id.isin(gone_ids)))
        store.write("update_elsewhere", kept, source_id=part["source_id"], months=[part["month"]])


def apply_file(store: Store, settings: Settings) -> tuple[Forgotten, ...]:
    """Take down what ``data/lookups/takedowns.yml`` lists and is not taken down yet.

    Raises:
        SettingsError: the file is wrong.
    """
    path = settings.lookup(FILE)
    if not path.exists():
        return ()
    known = keys(store)
    secret = store.secret()
    done: list[Forgotten] = []
    for entry in load_yaml(path, _File).takedowns:
        if entry.key is not None:
            if entry.key not in known:
                done += _forget_key(store, entry)
            continue
        try:
            targets = find(store, settings, entry.id or entry.url or "")
        except UsageError:
            # An address of something that is not held here (any longer).
            continue
        fresh = [t for t in targets if key(secret, t.source_id, t.record_id) not in known]
        if fresh:
            done += forget(store, fresh, reason=entry.reason, removed_on=entry.removed_on)
            known |= {f.key for f in done}
    if done:
        log.info("took down %d records that %s lists", len(done), FILE)
    return tuple(done)


def _forget_key(store: Store, entry: _Entry) -> tuple[Forgotten, ...]:
    """A key names nothing: what it stands for is found by hashing what is held."""
    feedback = store.read("feedback")
    name = engine.keyed_hash_expr(store.secret(), feedback.source_id + ":" + feedback.record_id)
    rows = store.con.to_pyarrow(
        feedback.filter(name == entry.key).select("source_id", "record_id", "feedback_id")
    ).to_pylist()
    if rows:
        return forget(store, [Target(**r) for r in rows], reason=entry.reason, removed_on=entry.removed_on)
    removal = Forgotten(entry.key or "", "", entry.reason, entry.removed_on)
    with store.transaction():
        store.records.forget([removal])
        write_log(store)
    return (removal,)


def write_log(store: Store) -> None:
    """The public log of removals, in the open transaction."""
    # A key that matched nothing yet has removed nothing.
    rows = [f for f in store.records.forgotten() if f.source_id]
    columns: Mapping[str, list[object]] = {
        "takedown_id": [r.key for r in rows],
        "source_id": [r.source_id for r in rows],
        "removed_on": [r.removed_on for r in rows],
        "reason": [r.reason for r in rows],
    }
    types = {"removed_on": pa.date32()}
    table = pa.table({n: pa.array(v, types.get(n, pa.string())) for n, v in columns.items()})
    store.write("takedown", table.select(list(schema.table("takedown").names)))
