"""One gather over all sources: each in a transaction of its own, so that one that fails keeps its last good data.

    gather(store, settings) -> a receipt for each source

Live sources are asked first, side by side (`passes`); then every source's tables are made from its files, or from what
is held of it. A source whose files (or records) and settings are those of its last good pass is not read again.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from answerable import schema
from answerable.errors import SourceError, UsageError
from answerable.gather import engine, held, passes, retention, takedowns
from answerable.gather.connectors import CONNECTORS
from answerable.gather.files import InputFile, find_files
from answerable.gather.findings import Finding, finding_table, held_findings, total
from answerable.gather.http import Client
from answerable.gather.places import Area, areas_digest, load_areas
from answerable.gather.receipts import Occasion, Receipt, failed, runs_of, source_row, unchanged, write_source
from answerable.gather.rows import FeedbackSource, Gathered, Taken, as_table, take
from answerable.gather.sources import github_issues, petitions, register, snscrape_archive, table
from answerable.gather.threads import kept, with_conversations
from answerable.live_settings import GithubIssuesSource, LiveSource
from answerable.settings import (
    AskedSource,
    FileSource,
    PetitionsSource,
    RegisterSource,
    Settings,
    SnscrapeArchiveSource,
    Source,
    TableSource,
)
from answerable.store import Store, Written

__all__ = ["Receipt", "erase_deleted", "gather"]

log = logging.getLogger(__name__)

_BATCH_ROWS = 400_000
_NOBODY = "\x00"
"""No source's id: a read of it gives a table without rows."""

_READERS: dict[type[Any], Callable[[Any, Sequence[InputFile], Settings, Store, Path], Gathered]] = {
    TableSource: table.read,
    PetitionsSource: petitions.read,
    SnscrapeArchiveSource: snscrape_archive.read,
}
"""The function that reads each kind of file; a register is not feedback and is read by ``register.read``."""

_RECOMPUTED = ("dates_only", "place_missing", "place_outside", "reply_without_parent", "source_failed")
"""Findings on a source as a whole: written anew at each pass, whatever files were read."""

_TABLES = ("source", "source_run", "feedback", "feedback_update", "register_entry", "finding")
"""The tables of single sources that this stage writes."""


@dataclass(frozen=True, slots=True)
class _State:
    """What the last good pass left behind: a digest of the settings, and of each file read."""

    settings: str = ""
    files: tuple[str, ...] = ()

    @staticmethod
    def of(mark: str) -> _State:
        """The state that a mark holds; an empty one where there is no mark."""
        if not mark:
            return _State()
        held = json.loads(mark)
        return _State(held["settings"], tuple(held["files"]))

    def as_mark(self) -> str:
        """The state as it is kept."""
        return json.dumps({"settings": self.settings, "files": self.files})


@dataclass(frozen=True, slots=True)
class _Pass(Occasion):
    """What every source of one gather shares."""

    settings: Settings
    areas: tuple[Area, ...]
    shared: str
    asked: Mapping[str, passes.Asked]


def gather(
    store: Store,
    settings: Settings,
    *,
    only: str | None = None,
    now: datetime | None = None,
    since: datetime | None = None,
    is_asking: bool = True,
    open_client: Callable[..., Client] = Client,
) -> tuple[Receipt, ...]:
    """Read every source (or the one named), each in a transaction of its own.

    Args:
        store: where the tables are.
        settings: the project's settings.
        only: the id of one source.
        now: the instant of this gather (UTC); the clock's, where missing.
        since: how far back live sources are asked for new items (UTC), whatever was read before.
        is_asking: whether live sources are asked; if not, their tables are made from what is held.
        open_client: makes the client of a live source: a ``Client`` with other limits, say.

    Raises:
        UsageError: there is no source of that id.
        SettingsError: the site's boundaries cannot be read.
    """
    if only is not None and only not in settings.source_by_id:
        raise UsageError(
            f"there is no source {only}", remedy=f"one of: {', '.join(sorted(settings.source_by_id))}"
        )
    started = _utc(now or datetime.now(UTC))
    if only is None:
        _forget_removed(store, settings)
    takedowns.apply_file(store, settings)
    wanted = [s for s in settings.sources if only is None or s.id == only]
    live = [s for s in wanted if isinstance(s, LiveSource)]
    asked: Mapping[str, passes.Asked] = {}
    if is_asking:
        asked = passes.ask(
            live, store, settings, now=started, since=since and _utc(since), open_client=open_client
        )
    _take_down(live, store, settings, started)
    one = _Pass(
        store,
        f"{started:%Y%m%dT%H%M%S%f}Z",
        started,
        frozenset(s.id for s in wanted) - frozenset(s.id for s in live if s.id not in asked),
        settings,
        load_areas(settings),
        _shared_digest(settings),
        asked,
    )
    for source in live:
        retention.reduce(source, store, settings, now=started)
    # A register names feedback of other sources: it comes last.
    ordered = sorted(wanted, key=lambda s: isinstance(s, RegisterSource | GithubIssuesSource))
    receipts = {s.id: _pass(s, one) for s in ordered}
    if store.mark(passes.ERASE) == "records":
        _erase(store, left="rest")
    return tuple(receipts[s.id] for s in wanted)


def erase_deleted(store: Store) -> None:
    """Leave no byte on disk of what sources deleted, once everything that is made of records has been made anew."""
    if store.mark(passes.ERASE):
        _erase(store, left="")


def _erase(store: Store, *, left: str) -> None:
    # Noted afterwards: what is killed here is done again.
    store.erase()
    with store.transaction():
        store.set_mark(passes.ERASE, left)


def _utc(given: datetime) -> datetime:
    return given.astimezone(UTC).replace(tzinfo=None) if given.tzinfo is not None else given


def _take_down(live: Sequence[Source], store: Store, settings: Settings, now: datetime) -> None:
    """What people asked for through the repository's form, where a reviewer agreed."""
    known = takedowns.keys(store)
    for source in live:
        if not isinstance(source, GithubIssuesSource):
            continue
        for item in held.items(source.id, store):
            for name in github_issues.takedowns(item, source):
                try:
                    targets = takedowns.find(store, settings, name)
                except UsageError:
                    # Nothing held has that address (any longer).
                    continue
                fresh = [
                    t for t in targets if takedowns.key(store.secret(), t.source_id, t.record_id) not in known
                ]
                if fresh:
                    done = takedowns.forget(store, fresh, reason="personal_data", removed_on=now.date())
                    known |= {f.key for f in done}
                    log.info("took down %d records that a request names", len(done))


def _shared_digest(settings: Settings) -> str:
    """What all sources depend on; a table that has got other columns is empty, and everything is gathered anew."""
    # The program's own files count too: with other code the same rows may become other tables.
    code = (p.read_bytes() for p in sorted(Path(__file__).parent.rglob("*.py")))
    return _digest(
        *(hashlib.blake2b(part, digest_size=16).hexdigest() for part in code),
        settings.site.timezone,
        areas_digest(settings),
        *(a.model_dump_json() for a in settings.agencies),
        *(f"{name}.{c.name}:{c.type}" for name in _TABLES for c in schema.table(name).columns),
    )


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def _forget_removed(store: Store, settings: Settings) -> None:
    """A source that the settings no longer name leaves nothing behind."""
    known = {p.source_id for name in _TABLES for p in store.partitions(name)} | store.records.sources()
    removed = sorted(known - settings.source_by_id.keys())
    if not removed:
        return
    with store.transaction():
        for source_id in removed:
            log.info("removed %s: the settings no longer name it", source_id)
            for name in _TABLES:
                store.write(name, store.read(name, source_id=_NOBODY), source_id=source_id)
            store.records.drop(source_id)
            store.set_mark(_mark(source_id), "")
            store.set_mark(f"cursor:{source_id}", "")
    store.erase()


def _mark(source_id: str) -> str:
    return f"gather:{source_id}"


def _pass(source: Source, one: _Pass) -> Receipt:
    """One pass over one source."""
    try:
        if isinstance(source, LiveSource):
            return _read_live(source, one)
        files = find_files(one.settings.project, source.paths)
        return _read(source, files, one)
    except SourceError as error:
        log.warning("failed %s: %s", source.id, error)
        return failed(source, error, one)


def _settings_digest(source: Source, one: _Pass) -> str:
    columns = getattr(source, "columns", {})
    values = [json.dumps(one.settings.values(m), sort_keys=True) for m in columns.values() if m.values_file]
    extra = ""
    if isinstance(source, RegisterSource | GithubIssuesSource):
        # What its entries name: feedback, topics and sources (agencies and areas are shared by all).
        known = (*one.settings.topic_by_code, "", *one.settings.source_by_id)
        extra = _digest(one.store.digest("feedback"), *known)
    secret = hashlib.blake2b(one.store.secret(), digest_size=8).hexdigest()
    return _digest(
        source.model_dump_json(), one.shared, secret, extra, *values, *sorted(takedowns.keys(one.store))
    )


def _read_live(source: AskedSource, one: _Pass) -> Receipt:
    """The tables of a live source, from what is held of it."""
    store = one.store
    asked = one.asked.get(source.id)
    if asked is None:
        row = source_row(source, store)
        is_complete = row is None or row["is_complete"]
        asked = passes.Asked() if is_complete else passes.Asked(spent=(("discover", "not asked this time"),))
    if asked.error is not None:
        raise asked.error
    last = runs_of(source, store)
    # Not complete yet: what is known is known up to now, and the receipt says that there is more to come.
    as_of_at = passes.State.of(store, source.id).complete_at or one.started_at
    before = None if one.is_asked(source) else source_row(source, store)
    if before is not None:
        as_of_at = before["as_of_at"] or as_of_at
    state = _State(_settings_digest(source, one), (store.records.digest(source.id),))
    if _State.of(store.mark(_mark(source.id))) == state and any(r["result"] != "failed" for r in last):
        return unchanged(
            source, one, as_of_at=as_of_at, message=_cut_off(asked), is_complete=asked.is_complete
        )
    with store.transaction(), store.scratch() as folder:
        if isinstance(source, GithubIssuesSource):
            given = (
                (i.record_id, github_issues.entry_fields(i, source)) for i in held.items(source.id, store)
            )
            filed, mistakes = register.from_fields(((n, f) for n, f in given if f is not None), one.settings)
            entries, unknown = register.entry_table(filed, source.id, one.settings, store)
            findings = (*mistakes, *unknown)
            receipt = _entries(source, entries, findings, one)
        else:
            connector = CONNECTORS[type(source)]
            gathered = held.read(
                source,
                connector,
                one.settings,
                store,
                folder,
                as_of_at=as_of_at,
                unreadable_count=asked.unreadable_count,
            )
            receipt = _taken(source, gathered, one, folder)
        receipt = replace(
            receipt,
            input_digest=_digest(state.settings, *state.files),
            message=_cut_off(asked),
            is_complete=asked.is_complete,
        )
        if before is not None and before["is_stale"]:
            kept = [*held_findings(source.id, store), Finding("source_failed")]
            store.write("finding", finding_table(source.id, kept), source_id=source.id)
        write_source(source, receipt, one)
        store.set_mark(_mark(source.id), state.as_mark())
    _log_receipt(receipt)
    return receipt


def _cut_off(asked: passes.Asked) -> str | None:
    """What the next gather goes on with, and what was odd, in a sentence."""
    said = [f"{name} was cut off ({reason}): the next gather goes on" for name, reason in asked.spent]
    if asked.unreadable_count:
        said.append(f"{asked.unreadable_count} items could not be read")
    return "; ".join((*said, *asked.warnings)) or None


def _read(source: FileSource, files: Sequence[InputFile], one: _Pass) -> Receipt:
    store = one.store
    before = _State.of(store.mark(_mark(source.id)))
    state = _State(_settings_digest(source, one), tuple(f.digest for f in files))
    is_increment = getattr(source, "extract", "full") == "increment"
    is_known = before.settings == state.settings
    if is_known and is_increment:
        seen = set(before.files)
        fresh = tuple(f for f in files if f.digest not in seen)
        state = _State(state.settings, tuple(dict.fromkeys((*before.files, *state.files))))
    else:
        fresh = tuple(files)
    if is_known and (not fresh or before.files == state.files):
        return unchanged(source, one)
    log.info("reading %s: %d files", source.id, len(fresh))
    with store.transaction(), store.scratch() as folder:
        if isinstance(source, RegisterSource):
            entries, findings = register.read(source, fresh, one.settings, store)
            receipt = _entries(source, entries, findings, one)
        else:
            # With other settings rows may have other identifiers: where all files are still there, they alone count.
            is_whole = not is_known and set(before.files) <= {f.digest for f in files}
            receipt = _feedback(
                source,
                fresh,
                one,
                folder,
                is_increment=is_increment,
                is_known=is_known,
                is_whole=is_whole,
            )
        receipt = replace(receipt, input_digest=_digest(state.settings, *state.files))
        write_source(source, receipt, one)
        store.set_mark(_mark(source.id), state.as_mark())
    _log_receipt(receipt)
    return receipt


def _log_receipt(receipt: Receipt) -> None:
    log.info(
        "gathered %s: %d held, %d new, %d changed, %d gone, %d findings",
        receipt.source_id,
        receipt.feedback_count,
        receipt.new_count,
        receipt.changed_count,
        receipt.gone_count,
        receipt.finding_count,
    )


def _feedback(
    source: FeedbackSource,
    files: Sequence[InputFile],
    one: _Pass,
    folder: Path,
    *,
    is_increment: bool,
    is_known: bool,
    is_whole: bool,
) -> Receipt:
    gathered = _READERS[type(source)](source, files, one.settings, one.store, folder)
    earlier = _kept_findings(source, files, one.store, is_known=is_known) if is_increment else []
    return _taken(source, gathered, one, folder, is_added=is_increment and not is_whole, earlier=earlier)


def _taken(
    source: FeedbackSource,
    gathered: Gathered,
    one: _Pass,
    folder: Path,
    *,
    is_added: bool = False,
    earlier: Sequence[Finding] = (),
) -> Receipt:
    """Writes a connector's rows into the tables, beside those held where they are ``is_added``."""
    store = one.store
    old = store.read("feedback", source_id=source.id)
    taken = take(gathered, source, one.settings, store, areas=one.areas, folder=folder)
    findings = [*taken.findings, *earlier]
    if is_added:
        taken = _merged(taken, source, one, folder)
    if source.kind in ("post", "comment") or "reply_to_id" in gathered.mapped:
        taken, unanswerable = with_conversations(taken, source, store, folder)
        findings += unanswerable
    log.info("writing %s", source.id)
    written = _write(taken, source.id, store)
    new = store.read("feedback", source_id=source.id)
    findings += _places(new, gathered, one)
    store.write("finding", finding_table(source.id, findings), source_id=source.id)
    counts = _differences(old, new, written.changed_months, store)
    return Receipt(
        source.id,
        "changed",
        one.started_at,
        one.elapsed(),
        taken.as_of_at,
        store.con.to_pyarrow(new.created_at.max().as_scalar()).as_py() if written.row_count else None,
        new_count=counts["new_count"],
        changed_count=counts["changed_count"],
        gone_count=counts["gone_count"],
        feedback_count=written.row_count,
        finding_count=total(findings),
    )


def _write(taken: Taken, source_id: str, store: Store) -> Written:
    """Writes both tables, some months at a time so that ten million rows fit into little memory."""
    counted = taken.feedback.group_by("month").aggregate(n=taken.feedback.count()).order_by("month")
    counts = {row["month"]: row["n"] for row in store.con.to_pyarrow(counted).to_pylist()}
    if sum(counts.values()) <= _BATCH_ROWS:
        written = store.write("feedback", taken.feedback, source_id=source_id)
        store.write("feedback_update", taken.updates, source_id=source_id)
        return written
    batches: list[list[str]] = [[]]
    for month, count in counts.items():
        if batches[-1] and sum(counts[m] for m in batches[-1]) + count > _BATCH_ROWS:
            batches.append([])
        batches[-1].append(month)
    parts: list[Written] = []
    for number, months in enumerate(batches, 1):
        for name, rows in (("feedback", taken.feedback), ("feedback_update", taken.updates)):
            part = rows.filter(rows.month.between(months[0], months[-1]))
            written = store.write(name, part, source_id=source_id, months=months)
            if name == "feedback":
                parts.append(written)
        log.info("wrote %s: part %d of %d", source_id, number, len(batches))
    for name in ("feedback", "feedback_update"):
        before = {p.month for p in store.partitions(name) if p.source_id == source_id}
        gone = sorted(before - counts.keys())
        if gone:
            nothing = store.read(name, source_id=_NOBODY)
            parts.append(store.write(name, nothing, source_id=source_id, months=gone))
    return Written(
        sum(p.row_count for p in parts), tuple(sorted({m for p in parts for m in p.changed_months}))
    )


# -- what an increment adds to -----------------------------------------------------------------------------------------


def _merged(taken: Taken, source: FeedbackSource, one: _Pass, folder: Path) -> Taken:
    """The rows of new files, and those held before that they do not replace."""
    store = one.store
    feedback = kept(taken.feedback, folder / "new-feedback.parquet", store)
    updates = kept(taken.updates, folder / "new-updates.parquet", store)
    old = store.read("feedback", source_id=source.id).anti_join(feedback, "feedback_id")
    # Replies in conversations are told from the posts themselves, each time.
    is_told = source.kind in ("post", "comment")
    old_updates = store.read("feedback_update", source_id=source.id).anti_join(feedback, "feedback_id")
    if is_told:
        old_updates = old_updates.filter(old_updates.kind != "replied")
    known = store.con.to_pyarrow(store.read("source", source_id=source.id).select("as_of_at"))[
        "as_of_at"
    ].to_pylist()
    later = [at for at in (taken.as_of_at, *known) if at is not None]
    return replace(
        taken,
        feedback=ibis.union(as_table(feedback, "feedback"), as_table(old, "feedback")),
        updates=ibis.union(as_table(updates, "feedback_update"), as_table(old_updates, "feedback_update")),
        as_of_at=taken.as_of_at if source.as_of is not None else max(later),
    )


def _kept_findings(
    source: FeedbackSource, files: Sequence[InputFile], store: Store, *, is_known: bool
) -> list[Finding]:
    """Findings on the files of earlier passes."""
    if not is_known:
        return []
    again = {f.name for f in files}
    return [
        f for f in held_findings(source.id, store) if f.code not in _RECOMPUTED and f.file_name not in again
    ]


# -- what was found ----------------------------------------------------------------------------------------------------


def _places(rows: ir.Table, gathered: Gathered, one: _Pass) -> list[Finding]:
    """How many feedback are on no map: without a place, or outside every area."""
    if not one.areas or not {"latitude", "area"} & set(gathered.mapped):
        return []
    is_unplaced = rows.area_code.isnull()
    counts = rows.aggregate(
        place_missing=(is_unplaced & rows.latitude.isnull()).sum(),
        place_outside=(is_unplaced & rows.latitude.notnull()).sum(),
    )
    found = one.store.con.to_pyarrow(counts).to_pylist()[0]
    return [
        Finding(code, row_count=int(found[code]))
        for code in ("place_missing", "place_outside")
        if found[code]
    ]


def _differences(old: ir.Table, new: ir.Table, months: Sequence[str], store: Store) -> dict[str, int]:
    """How many rows are new, changed and gone; only months that differ are looked at."""
    names = schema.table("feedback").names

    def hashed(rows: ir.Table, prefix: str) -> ir.Table:
        part = rows.filter(rows.month.isin(list(months)))
        texts = [part[n].cast("string").fill_null("\x1e") for n in names]
        return part.select(
            **{
                f"{prefix}_id": part.feedback_id,
                f"{prefix}_hash": engine.row_hash_expr(ibis.literal("\x1f").join(texts)),
            }
        )

    if not months:
        return {"new_count": 0, "changed_count": 0, "gone_count": 0}
    if not store.con.execute(old.count()):
        return {"new_count": int(store.con.execute(new.count())), "changed_count": 0, "gone_count": 0}
    before, after = hashed(old, "old"), hashed(new, "new")
    both = before.outer_join(after, before.old_id == after.new_id)
    counts = store.con.to_pyarrow(
        both.aggregate(
            new_count=both.old_id.isnull().sum(),
            changed_count=(both.old_hash != both.new_hash).sum(),
            gone_count=both.new_id.isnull().sum(),
        )
    ).to_pylist()[0]
    return {name: int(value or 0) for name, value in counts.items()}


def _entries(
    source: RegisterSource | GithubIssuesSource,
    entries: pa.Table,
    findings: Sequence[Finding],
    one: _Pass,
) -> Receipt:
    """Writes what officials put on the record."""
    store = one.store
    known = store.read("register_entry", source_id=source.id)
    before = {row["entry_id"]: row for row in store.con.to_pyarrow(known).to_pylist()}
    after = {row["entry_id"]: row for row in entries.to_pylist()}
    written = store.write("register_entry", entries, source_id=source.id)
    store.write("finding", finding_table(source.id, findings), source_id=source.id)
    newest = max((row["responded_at"] for row in after.values()), default=None)
    return Receipt(
        source.id,
        "changed",
        one.started_at,
        one.elapsed(),
        as_of_at=newest,
        newest_at=newest,
        new_count=len(after.keys() - before.keys()),
        changed_count=sum(1 for key in after.keys() & before.keys() if after[key] != before[key]),
        gone_count=len(before.keys() - after.keys()),
        feedback_count=written.row_count,
        finding_count=total(findings),
    )
