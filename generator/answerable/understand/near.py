"""Copies among everything that was gathered: the very same words, and nearly the same ones, each with its evidence.

    repeats = find_copies(store, parts, known=words, accounts=names, folder=folder)

What is compared of a message's words is kept in the private table ``sketch``, what was decided of nearly the same ones
in ``near_copy``, both by month: a month is sketched again only where its messages changed, and there only texts that
are new; and only months are compared again whose own messages changed or those of the 30 days before them, and of them
what began on the first changed day or later.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from answerable.understand import duplicates, near_runs, near_sketch, near_words, relevance
from answerable.understand.duplicates import (
    LONGEST,
    RULE_BY_ANYBODY,
    SAME_PERSON,
    WINDOW_DAYS,
    near_form,
    repeats,
    wordings,
)
from answerable.understand.near_runs import Entries, join_runs
from answerable.understand.near_sketch import BANDS, bands
from answerable.understand.near_words import SHIPPED_NEAR_WORDS, NearRules, near_rules
from answerable.understand.relevance import is_passed_on
from answerable.understand.texts import keep, with_key

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from answerable.store import Store
    from answerable.understand.privacy import PrivacyContext

__all__ = ["RULE_NEAR", "find_copies", "known_words"]

RULE_NEAR = "near-words"
"""The rule by which a message repeats another one in nearly its words."""

_MONTHS_BACK = 2
"""Thirty days before a day of March may lie in January."""
_BATCH_FEEDBACK = 400_000
_BATCH_TEXTS = 20_000
_SECONDS_A_DAY = 86_400
# All of a message that its sketch is made of.
_SKETCHED = ("month", "created_at", "title", "text", "is_official", "is_repost", *SAME_PERSON)
# Two bands in each column: a whole number of 64 bits.
_COLUMNS = tuple(f"bands_{number}" for number in range(1, BANDS // 2 + 1))


def known_words(people: PrivacyContext, accounts: Iterable[str]) -> frozenset[str]:
    """The words that a site knows: names of its agencies, services, topics and areas, and how its oldest texts spell.

    None of them changes with a new message once a site has some thousand texts (`answerable.understand.spelling`).
    """
    known = people.ordinary_words | frozenset(accounts)
    if people.spelling is not None:
        known |= people.spelling.small | people.spelling.often | people.spelling.also_words
    return known


def find_copies(
    store: Store, parts: ir.Table, *, known: Iterable[str], accounts: Collection[str], folder: Path
) -> ir.Table:
    """The feedback that repeats an earlier one; what is needed for it is kept in the store.

    Args:
        store: outside a transaction.
        parts: messages inside conversations (`relevance.conversation_parts`): never counted, so nothing repeats them.
        known: the site's words (`known_words`).
        accounts: the official accounts.
        folder: for scratch files that the result reads.

    Returns:
        feedback_id, month, duplicate_of (the earliest of its group), duplicate_rule, duplicate_similarity (from 0
        to 1; 1 where the words are the very same), and is_passed_on.
    """
    names = {name for account in accounts for name in (account, account.partition("@")[0])}
    _write_sketches(store, names)
    sketch = store.read("sketch").anti_join(parts, "feedback_id")
    same = keep(store, repeats(sketch), folder / "same.parquet")
    runs = keep(store, _runs(sketch, same), folder / "runs.parquet")
    _write_near_copies(store, runs, parts, near_rules(known), names)
    near = store.read("near_copy").select("near_of", "similarity", near_id="feedback_id")
    rows = runs.left_join(near, runs.head_id == near.near_id)
    rows = rows.filter(rows.near_of.notnull() | (rows.feedback_id != rows.head_id))
    by_anybody = rows.select(
        "feedback_id",
        "month",
        duplicate_of=ibis.coalesce(rows.near_of, rows.head_id),
        duplicate_rule=rows.near_of.notnull().ifelse(RULE_NEAR, RULE_BY_ANYBODY),
        duplicate_similarity=ibis.coalesce(rows.similarity, 1.0),
    )
    by_one = same.filter(same.duplicate_rule != RULE_BY_ANYBODY).mutate(duplicate_similarity=1.0)
    found = by_anybody.union(by_one.select(*by_anybody.columns), distinct=False)
    return found.inner_join(sketch.select("feedback_id", "is_passed_on"), "feedback_id")


# -- sketches ----------------------------------------------------------------------------------------------------------


def _write_sketches(store: Store, accounts: Collection[str]) -> None:
    """Bring the table ``sketch`` up to date, a portion of months at a time."""
    rules = _digest(
        # What is compared of the words changes with the program, and so may what DuckDB hashes.
        *(Path(module.__file__ or "").read_bytes().hex() for module in (duplicates, near_sketch, relevance)),
        duckdb.__version__,
        *sorted(accounts),
    )
    months = sorted({*store.months("feedback"), *store.months("sketch")})
    digests = {month: _digest(rules, store.digest("feedback", month=month)) for month in months}
    stale = [month for month in months if store.mark(f"sketch:{month}") != digests[month]]
    for portion in _portions(store, stale):
        with store.transaction(), store.scratch() as folder:
            sketches = _sketches(store, accounts, portion, folder, rules=rules)
            store.write("sketch", sketches, months=portion)
            for month in portion:
                store.set_mark(f"sketch:{month}", digests[month])


def _portions(store: Store, months: Sequence[str]) -> Iterator[list[str]]:
    counts = store.month_counts("feedback")
    portion: list[str] = []
    held = 0
    for month in months:
        if portion and held + counts.get(month, 0) > _BATCH_FEEDBACK:
            yield portion
            portion, held = [], 0
        portion.append(month)
        held += counts.get(month, 0)
    if portion:
        yield portion


def _sketches(
    store: Store, accounts: Collection[str], months: Sequence[str], folder: Path, *, rules: str
) -> ir.Table:
    """The rows of ``sketch`` for some months; a message that is what it was is not sketched again."""
    feedback = store.read("feedback", months=months)
    keyed = with_key(feedback.mutate(rules=ibis.literal(rules)), (*_SKETCHED, "rules"), name="row_key")
    keyed = keep(store, keyed.select("feedback_id", "row_key"), folder / "keyed.parquet")
    held = store.read("sketch", months=months)
    held = keep(store, held.semi_join(keyed, ["feedback_id", "row_key"]), folder / "held.parquet")
    # Kept first: else what is asked of their words would be asked of all words, and the rest left out afterwards.
    new = feedback.inner_join(keyed.anti_join(held, "feedback_id"), "feedback_id")
    rows = wordings(keep(store, new, folder / "unread.parquet"))
    is_near = rows.is_by_anybody & (rows.length <= LONGEST)
    near = is_near.ifelse(near_form(rows.title, rows.text, accounts), ibis.null("string"))
    rows = rows.select(
        "feedback_id",
        "source_id",
        "month",
        "created_at",
        "row_key",
        "is_by_anybody",
        "same_key",
        near=near,
        is_passed_on=is_passed_on(rows),
    )
    rows = with_key(rows, ("near",), name="hashed")
    rows = rows.mutate(near_key=rows.near.notnull().ifelse(rows.hashed, ibis.null("int64"))).drop("hashed")
    rows = keep(store, rows, folder / "rows.parquet")
    new = (
        rows.filter(rows.near_key.notnull())
        .select("near_key", "near")
        .distinct(on=["near_key"], keep="first")
    )
    schema = pa.schema([("near_key", pa.int64()), *((name, pa.int64()) for name in _COLUMNS)])
    with pq.ParquetWriter(folder / "new.parquet", schema, compression="lz4") as writer:
        for batch in store.batches(new, size=_BATCH_TEXTS):
            found = bands(batch.column("near").to_pylist()).view(np.int64)
            columns = [batch.column("near_key").cast(pa.int64()), *(pa.array(column) for column in found.T)]
            writer.write_batch(pa.record_batch(columns, schema=schema))
    fresh = store.con.read_parquet(folder / "new.parquet", hive_partitioning=False)
    found = rows.drop("near").left_join(fresh.rename(key_of="near_key"), [("near_key", "key_of")])
    return held.union(found.select(*held.columns), distinct=False)


# -- runs and their groups ---------------------------------------------------------------------------------------------


def _runs(sketch: ir.Table, same: ir.Table) -> ir.Table:
    """What others may repeat, with the run that it belongs to: head_id, its first message, and head_at, its instant."""
    rows = sketch.filter(sketch.is_by_anybody).select(
        "feedback_id", "source_id", "month", "created_at", "near_key"
    )
    heads = rows.select(first_id="feedback_id", first_at="created_at")
    heads = same.filter(same.duplicate_rule == RULE_BY_ANYBODY).inner_join(
        heads, [("duplicate_of", "first_id")]
    )
    heads = heads.select("first_at", repeat_id="feedback_id", first_id="duplicate_of")
    rows = rows.left_join(heads, [("feedback_id", "repeat_id")])
    return rows.select(
        "feedback_id",
        "source_id",
        "month",
        "created_at",
        "near_key",
        head_id=ibis.coalesce(rows.first_id, rows.feedback_id),
        head_at=ibis.coalesce(rows.first_at, rows.created_at),
    ).order_by("month")


def _write_near_copies(
    store: Store, runs: ir.Table, parts: ir.Table, rules: NearRules, accounts: Collection[str]
) -> None:
    """Bring the table ``near_copy`` up to date: month by month, as what is decided of one depends on those before.

    What is decided of a run depends on nothing later: of a month the days before the first one that changed stay.
    """
    decides = _digest(
        *(
            Path(module.__file__ or "").read_bytes().hex()
            for module in (duplicates, near_runs, near_sketch, near_words)
        ),
        Path(__file__).read_bytes().hex(),
        SHIPPED_NEAR_WORDS.read_bytes().hex(),
        " ".join(sorted(rules.known)),
        *sorted(accounts),
    )
    present = sorted(store.months("sketch"))
    so_far = decides
    talks = _content(store, parts, ("feedback_id",), ("month",))
    days = _Days(store, runs)
    for month in sorted({*present, *store.months("near_copy")}):
        # All that there was up to now: where nothing of it has changed, nothing else need be asked.
        so_far = _digest(so_far, month, store.digest("sketch", month=month), talks.get((month,), ""))
        if store.mark(f"near:{month}") == so_far:
            continue
        window = _window(month, present)
        rows = runs.filter(runs.month.isin(window))
        content = days.of(window)
        before = _digest(decides, _decided_before(store, rows, month))
        since = _first_change(store.mark(f"near_days:{month}"), before, content)
        with store.transaction(), store.scratch() as folder:
            if since is not None:
                decided = _near_copies(
                    store,
                    rows,
                    rules,
                    accounts=accounts,
                    month=month,
                    window=window,
                    since=since,
                    folder=folder,
                )
                store.write("near_copy", decided, months=[month])
                store.set_mark(f"near_days:{month}", json.dumps({"before": before, "days": content}))
            store.set_mark(f"near:{month}", so_far)


def _window(month: str, present: Sequence[str]) -> list[str]:
    """The months whose messages one of this month may repeat."""
    year, number = map(int, month.split("-"))
    months = [12 * year + number - 1 - back for back in range(_MONTHS_BACK + 1)]
    return sorted({f"{m // 12:04d}-{m % 12 + 1:02d}" for m in months} & set(present))


class _Days:
    """What each day holds, in digests; asked for a month at most once."""

    def __init__(self, store: Store, runs: ir.Table) -> None:
        self._store = store
        self._runs = runs
        self._held: dict[str, dict[str, str]] = {}

    def of(self, months: Sequence[str]) -> dict[str, str]:
        """The digest of each day of some months, whatever the order of rows."""
        new = [month for month in months if month not in self._held]
        if new:
            rows = self._runs.filter(self._runs.month.isin(new))
            rows = rows.mutate(day=rows.created_at.date().cast("string"))
            columns = ("feedback_id", "created_at", "near_key", "head_id", "head_at")
            self._held.update({month: {} for month in new})
            for (month, day), said in _content(self._store, rows, columns, ("month", "day")).items():
                # A day may be in two months: theirs begin and end in the zone of the site.
                self._held[month][f"{day} {month}"] = said
        return {day: said for month in months for day, said in self._held[month].items()}


def _content(
    store: Store, rows: ir.Table, columns: Sequence[str], by: Sequence[str]
) -> dict[tuple[str, ...], str]:
    """A digest of some columns for each group of rows, whatever their order."""
    keyed = with_key(rows, columns, name="key")
    found = keyed.group_by(*by).agg(rows=keyed.count(), digest=keyed.key.bit_xor())
    return {
        tuple(row[name] for name in by): f"{row['rows']} {row['digest']}"
        for batch in store.batches(found)
        for row in batch.to_pylist()
    }


def _first_change(mark: str | None, before: str, days: Mapping[str, str]) -> str | None:
    """The first day that is not what it was when a month was decided; the first of all if the rest is not either."""
    held = json.loads(mark) if mark else {}
    if held.get("before") != before:
        return ""
    was = held["days"]
    changed = [day for day in {*was, *days} if was.get(day) != days.get(day)]
    return min(changed).partition(" ")[0] if changed else None


def _decided_before(store: Store, rows: ir.Table, month: str) -> str:
    """A digest of what was decided, in the months before this one, of the runs of some rows."""
    near = _near_before(store, month)
    near = near.semi_join(rows, near.near_id == rows.head_id)
    keyed = with_key(near, ("near_id", "near_of"), name="key")
    found = store.frame(keyed.agg(rows=keyed.count(), digest=keyed.key.bit_xor())).iloc[0]
    return f"{found['rows']} {found['digest']}"


def _near_before(store: Store, month: str) -> ir.Table:
    before = [other for other in store.months("near_copy") if other < month]
    return store.read("near_copy", months=before).select("near_of", near_id="feedback_id")


def _near_copies(
    store: Store,
    rows: ir.Table,
    rules: NearRules,
    *,
    accounts: Collection[str],
    month: str,
    window: Sequence[str],
    since: str,
    folder: Path,
) -> pa.Table:
    """The rows of ``near_copy`` for one month: those of runs that began before a day as they are, the others anew."""
    near = keep(store, _near_before(store, month), folder / "before.parquet")
    kept = near.limit(0).mutate(source_id=ibis.null("string"), similarity=ibis.null("float64"))
    if since and month in store.months("near_copy"):
        earlier = rows.filter((rows.month == month) & (rows.created_at.date().cast("string") < since))
        of_month = store.read("near_copy", months=[month]).rename(near_id="feedback_id")
        kept = of_month.semi_join(earlier, of_month.near_id == earlier.feedback_id)
    kept = keep(store, kept.select("near_id", "source_id", "near_of", "similarity"), folder / "kept.parquet")
    near = near.union(kept.select(*near.columns), distinct=False)
    rows = rows.left_join(near, [("head_id", "near_id")]).drop("near_id")
    sketch = store.read("sketch", months=window).select(*_COLUMNS, sketch_id="feedback_id")
    if since:
        # What is older is repeated by nothing that is new.
        earliest = date.fromisoformat(since) - timedelta(days=WINDOW_DAYS + 1)
        rows = rows.filter(rows.created_at >= datetime.combine(earliest, time()))
    rows = rows.filter(rows.near_key.notnull()).inner_join(sketch, [("feedback_id", "sketch_id")])
    # The runs are numbered in the order in which they began.
    rows = rows.mutate(
        run=ibis.dense_rank().over(ibis.window(order_by=["head_at", "head_id"])).cast("int64"),
        at=rows.created_at.epoch_seconds().cast("int64"),
        is_new=(rows.month == month)
        & (rows.feedback_id == rows.head_id)
        & (rows.created_at.date().cast("string") >= since),
    )
    rows = rows.select(
        "feedback_id", "source_id", "created_at", "head_id", "near_of", "run", "at", "is_new", *_COLUMNS
    )
    held = store.con.to_pyarrow(rows.order_by(["created_at", "feedback_id"]))
    run = held["run"].to_numpy()
    ids = held["feedback_id"].combine_chunks() if held.num_rows else pa.array([], pa.string())
    # The earliest message of each run that is here.
    first_place = np.zeros(int(run.max()) + 1 if len(run) else 0, np.int64)
    first_place[run[::-1]] = np.arange(len(run))[::-1]
    joined = join_runs(
        Entries(
            run=run,
            at=held["at"].to_numpy(),
            bands=_unpacked(held),
            is_new=held["is_new"].to_numpy(),
        ),
        _first_of(held, first_place),
        lambda wanted: _texts(store, ids.take(pa.array(first_place[wanted])), wanted, accounts, window),
        rules,
        reach_seconds=WINDOW_DAYS * _SECONDS_A_DAY,
    )
    heads = held["head_id"].combine_chunks() if held.num_rows else ids
    new = pa.array(first_place[[one.run for one in joined]], pa.int64())
    old = pa.array(first_place[[one.first for one in joined]], pa.int64())
    before = store.con.to_pyarrow(kept)
    columns = {
        "feedback_id": (before["near_id"], ids.take(new)),
        "source_id": (before["source_id"], held["source_id"].take(new)),
        "near_of": (before["near_of"], heads.take(old)),
        "similarity": (before["similarity"], pa.array([one.similarity for one in joined], pa.float64())),
    }
    found = {
        name: pa.chunked_array([chunk for part in parts for chunk in getattr(part, "chunks", [part])])
        for name, parts in columns.items()
    }
    return pa.table({**found, "month": pa.array([month] * (len(before) + len(joined)), pa.string())})


def _unpacked(held: pa.Table) -> np.ndarray[tuple[int, ...], np.dtype[np.uint32]]:
    packed = [held[name].to_numpy() for name in _COLUMNS]
    return np.ascontiguousarray(np.stack(packed, axis=1)).view(np.uint32)


def _first_of(held: pa.Table, first_place: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> near_runs.Ints:
    """Of each run the run that its group began with: its own where it is the first, -1 where that one is not here."""
    first_of = np.arange(len(first_place))
    if held.num_rows:
        is_near = held["near_of"].is_valid().to_numpy()
        numbers = (
            dict(zip(held["head_id"].to_pylist(), held["run"].to_pylist(), strict=True))
            if is_near.any()
            else {}
        )
        run = held["run"].to_numpy()
        for place in np.flatnonzero(is_near).tolist():
            first_of[run[place]] = numbers.get(held["near_of"][place].as_py(), -1)
    return first_of


def _texts(
    store: Store, ids: pa.Array, runs: Sequence[int], accounts: Collection[str], months: Sequence[str]
) -> Mapping[int, str]:
    """The texts of some messages, by the numbers of their runs."""
    wanted = ibis.memtable(pa.table({"wanted_id": ids, "run": pa.array(runs, pa.int64())}))
    feedback = store.read("feedback", months=months)
    rows = feedback.inner_join(wanted, feedback.feedback_id == wanted.wanted_id)
    rows = rows.select("run", near=near_form(rows.title, rows.text, accounts))
    found: dict[int, str] = {}
    for batch in store.batches(rows):
        found.update(zip(batch.column("run").to_pylist(), batch.column("near").to_pylist(), strict=True))
    return found


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()
