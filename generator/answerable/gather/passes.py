"""The passes over live sources, side by side.

Each source is asked in a thread of its own; what they bring is committed in one place, batch by batch, items, revisions
and cursor together. A source that hangs, lies or is down ends with an error of its own and holds nobody up.

    ask(sources, store, settings, now=...) -> what became of each
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import ibis
import orjson

from answerable.errors import SourceError
from answerable.gather import takedowns
from answerable.gather.connectors import CONNECTORS
from answerable.gather.http import BudgetSpent, Client, DryClient, Planned
from answerable.gather.live import PASSES, Batch, Connector, Held, Item
from answerable.settings import AskedSource, Settings
from answerable.source_settings import Columns
from answerable.store import Store

__all__ = ["ERASE", "Asked", "State", "ask", "plan"]

log = logging.getLogger(__name__)

_COMMIT_SECONDS = 1.0
_COMMIT_ITEMS = 2_000
_QUEUE = 16
"""Batches that may wait to be committed: a source that is faster than the disk has to wait."""

_GRACE = timedelta(seconds=45)
"""A thread that has not ended so long after its time is given up: its name server, say, does not answer."""

_CLOSED_FOR = timedelta(days=14)
"""What was closed lately is looked at again: it may be opened again, or get its note later."""

_DUE_LIMIT = 20_000
_SUSPICIOUS = 20
ERASE = "erase"
"""The mark that says what is still to be erased on disk of what sources deleted: ``records`` and what was made of
them, or only the ``rest``, which the next build makes anew."""

_VOLATILE = ("support_count", "updated_at")
"""Columns that may change without the item saying something else."""


@dataclass(frozen=True, slots=True)
class State:
    """What a source's passes remember: committed with the items that it speaks of.

    ``identity`` names what is asked; ``complete_at`` is when a pass for new items last came to its end.
    """

    identity: str = ""
    cursor: Mapping[str, str] = field(default_factory=dict)
    validators: Mapping[str, str] = field(default_factory=dict)
    complete_at: datetime | None = None

    @staticmethod
    def of(store: Store, source_id: str) -> State:
        """The state that the store holds; an empty one where there is none."""
        mark = store.mark(f"cursor:{source_id}")
        if not mark:
            return State()
        held = json.loads(mark)
        complete = held["complete_at"]
        return State(
            held["identity"],
            held["cursor"],
            held["validators"],
            datetime.fromisoformat(complete) if complete else None,
        )

    def keep(self, store: Store, source_id: str) -> None:
        """Writes it, in the open transaction."""
        value = {
            "identity": self.identity,
            "cursor": {k: v for k, v in self.cursor.items() if v},
            "validators": dict(self.validators),
            "complete_at": self.complete_at.isoformat() if self.complete_at else None,
        }
        store.set_mark(f"cursor:{source_id}", json.dumps(value, sort_keys=True))


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of the passes over one source.

    Attributes:
        error: why it could not be read, or None.
        spent: passes that were cut off because their budget was used up, with the reason: the next gather goes on.
        request_count: requests made.
        item_count: items received, whether or not they were new.
        unreadable_count: items that could not be read.
        warnings: what is odd about what the source said.
    """

    error: SourceError | None = None
    spent: tuple[tuple[str, str], ...] = ()
    request_count: int = 0
    item_count: int = 0
    unreadable_count: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether the pass for new items came to its end."""
        return "discover" not in dict(self.spent)


# -- what the threads say ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Brought:
    source_id: str
    name: str
    batch: Batch
    left: str


@dataclass(frozen=True, slots=True)
class _Ended:
    source_id: str
    name: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class _Done:
    source_id: str
    error: SourceError | None
    request_count: int
    validators: Mapping[str, str]


_Message = _Brought | _Ended | _Done


@dataclass(slots=True)
class _Run:
    """One source while it is being asked."""

    source: AskedSource
    connector: Connector
    state: State
    held: Held
    deadline: float
    waiting: list[_Brought | _Ended] = field(default_factory=list)
    listed: dict[str, set[str]] = field(default_factory=dict)
    asked: Asked = Asked()
    readable_count: int = 0
    is_done: bool = False

    @property
    def is_blind(self) -> bool:
        """Whether all that came so far could not be read: as when the API has changed."""
        return self.asked.unreadable_count > 0 and not self.readable_count


def ask(
    sources: Sequence[AskedSource],
    store: Store,
    settings: Settings,
    *,
    now: datetime,
    since: datetime | None = None,
    open_client: Callable[..., Client] = Client,
) -> dict[str, Asked]:
    """Ask every source for what is new, changed and gone, and keep it.

    Args:
        sources: the sources to ask.
        store: where their records and cursors are.
        settings: all settings.
        now: the instant of this gather (UTC without a zone).
        since: how far back to look for new items, whatever was read before.
        open_client: makes the client of a source: a ``Client`` with other limits, say.

    Returns:
        What became of each source, by its id.
    """
    runs = {s.id: _begin(s, store, now, since) for s in sources}
    messages: queue.Queue[_Message] = queue.Queue(_QUEUE)
    stop = threading.Event()
    for run in runs.values():
        threading.Thread(
            target=_asking,
            args=(run, settings, now, messages, stop),
            kwargs={"open_client": open_client},
            name=run.source.id,
            daemon=True,
        ).start()
    keys = takedowns.keys(store)
    started = time.monotonic()
    last = started
    try:
        with _seldom_collecting():
            while not all(run.is_done for run in runs.values()):
                with contextlib.suppress(queue.Empty):
                    _receive(runs, messages.get(timeout=0.2))
                for run in runs.values():
                    if not run.is_done and time.monotonic() > run.deadline:
                        run.is_done = True
                        error = SourceError(
                            "did not end within its time limit",
                            remedy="raise time_limit_minutes in data/sources.yml, or look whether the server answers",
                        )
                        run.asked = replace(run.asked, error=error)
                waiting = sum(
                    len(m.batch.items) for r in runs.values() for m in r.waiting if isinstance(m, _Brought)
                )
                if waiting >= _COMMIT_ITEMS or time.monotonic() - last >= _COMMIT_SECONDS:
                    _commit(runs, store, now, keys)
                    last = time.monotonic()
            _commit(runs, store, now, keys)
    finally:
        stop.set()
    return {source_id: run.asked for source_id, run in runs.items()}


@contextlib.contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Answers hold no references in a circle: to look for some at every 700th object takes a fifth of the time."""
    usual = gc.get_threshold()
    gc.set_threshold(100_000, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _begin(source: AskedSource, store: Store, now: datetime, since: datetime | None) -> _Run:
    connector = CONNECTORS[type(source)]
    identity = _identity(source)
    state = State.of(store, source.id)
    if state.identity != identity:
        # Another server: its identifiers are not those of the one before.
        state = State(identity)
        with store.transaction():
            store.records.drop(source.id)
            state.keep(store, source.id)
    held = held_now(source, state, store, now, since)
    limit = time.monotonic() + source.time_limit_minutes * 60 + _GRACE.total_seconds()
    return _Run(source, connector, state, held, limit)


def _identity(source: AskedSource) -> str:
    parts = [source.connector, source.server]
    parts += [str(getattr(source, name, "")) for name in ("dataset", "resource_id", "repository")]
    if isinstance(source, Columns):
        parts.append(source.columns["record_id"].model_dump_json())
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def held_now(source: AskedSource, state: State, store: Store, now: datetime, since: datetime | None) -> Held:
    """What the store holds of a source, and what of it is to be looked at again."""
    times = store.records.times(source.id)
    floor = None
    if source.start_on is not None:
        floor = datetime(source.start_on.year, source.start_on.month, source.start_on.day, tzinfo=UTC)
        floor = floor.replace(tzinfo=None)
    unswept: list[str] = []
    due: list[str] = []
    if times.num_rows:
        seen = ibis.memtable(times)
        old = seen.filter(
            seen.checked_at < ibis.literal(now - timedelta(days=source.sweep_days)).cast("timestamp")
        )
        ordered = old.order_by("checked_at", "record_id").limit(_DUE_LIMIT)
        unswept = store.con.to_pyarrow(ordered.select("record_id"))["record_id"].to_pylist()
        rows = store.read("feedback", source_id=source.id)
        youngest = ibis.literal(now - timedelta(days=source.refresh_days)).cast("timestamp")
        lately = ibis.literal(now - _CLOSED_FOR).cast("timestamp")
        is_root = rows.conversation_id.isnull() | (rows.conversation_id == rows.record_id)
        wanted = rows.filter(
            (rows.created_at >= youngest) & is_root & (rows.closed_at.isnull() | (rows.closed_at >= lately))
        ).select(open_id="record_id")
        found = seen.join(wanted, seen.record_id == wanted.open_id)
        due = store.con.to_pyarrow(
            found.order_by("checked_at", "record_id").limit(_DUE_LIMIT).select("record_id")
        )["record_id"].to_pylist()
    ids = frozenset(times["record_id"].to_pylist())
    return Held(now, since, floor, dict(state.cursor), ids, due, unswept)


# -- asking ------------------------------------------------------------------------------------------------------------


def _asking(
    run: _Run,
    settings: Settings,
    now: datetime,
    messages: queue.Queue[_Message],
    stop: threading.Event,
    *,
    open_client: Callable[..., Client],
) -> None:
    """What a source's thread does: its passes one after the other."""
    source = run.source
    error: SourceError | None = None
    requests = 0
    validators: Mapping[str, str] = {}
    deadline = time.monotonic() + source.time_limit_minutes * 60
    try:
        with open_client(
            source,
            settings.site,
            now=now,
            obey_robots=run.connector.obeys_robots,
            validators=run.state.validators,
        ) as client:
            try:
                for name, call, count in _passes(run.connector, source):
                    client.begin(name, count, deadline)
                    reason = None
                    try:
                        for batch in call(client, source, settings, run.held):
                            if stop.is_set():
                                return
                            messages.put(_Brought(source.id, name, batch, client.progress.sentence))
                    except BudgetSpent as spent:
                        reason = str(spent)
                    messages.put(_Ended(source.id, name, reason))
            finally:
                requests = client.progress.request_count
                validators = client.validators
    except SourceError as failed:
        error = failed
    except Exception as defect:
        log.debug("%s: a defect", source.id, exc_info=True)
        error = SourceError(
            f"the connector {source.connector} met something that it cannot handle ({type(defect).__name__})",
            remedy="report it with the log of `answerable gather --source NAME`",
        )
    messages.put(_Done(source.id, error, requests, validators))


def _passes(
    connector: Connector, source: AskedSource
) -> Iterator[tuple[str, Callable[..., Iterator[Batch]], int]]:
    calls = {"discover": connector.discover, "refresh": connector.refresh, "sweep": connector.sweep}
    for name in PASSES:
        count = getattr(source.requests, name)
        if count:
            yield name, calls[name], count


def plan(
    sources: Sequence[AskedSource], store: Store, settings: Settings, *, now: datetime, since: datetime | None
) -> Iterator[tuple[str, str, str]]:
    """What a gather would ask: source, pass, and the first request of the pass in words. Nothing is sent."""
    for source in sources:
        connector = CONNECTORS[type(source)]
        state = State.of(store, source.id)
        if state.identity != _identity(source):
            state = State()
        held = held_now(source, state, store, now, since)
        for name, call, count in _passes(connector, source):
            client = DryClient(source, settings.site, now=now, obey_robots=connector.obeys_robots)
            client.begin(name, count, time.monotonic() + 60)
            what = "nothing"
            try:
                for _ in call(client, source, settings, held):
                    pass
            except Planned as planned:
                what = f"{planned} (at most {count} requests)"
            except SourceError as error:
                what = f"cannot begin: {error.what}"
            yield source.id, name, what


# -- keeping -----------------------------------------------------------------------------------------------------------


def _receive(runs: Mapping[str, _Run], message: _Message) -> None:
    run = runs[message.source_id]
    if run.is_done:
        return
    if isinstance(message, _Done):
        run.is_done = True
        error = message.error or run.asked.error
        run.asked = replace(run.asked, error=error, request_count=message.request_count)
        if message.error is None and not run.asked.spent and not _is_cut_off(run):
            # They say that everything that was received is held: what was cut off has to be sent again.
            run.state = replace(run.state, validators=message.validators)
        run.waiting.append(_Ended(message.source_id, "", None))
    else:
        run.waiting.append(message)


def _is_cut_off(run: _Run) -> bool:
    return any(isinstance(m, _Ended) and m.reason is not None for m in run.waiting)


def _commit(runs: Mapping[str, _Run], store: Store, now: datetime, keys: frozenset[str]) -> None:
    """Everything that arrived since the last commit, in one transaction."""
    busy = [run for run in runs.values() if run.waiting]
    if not busy:
        return
    secret = store.secret()
    with store.transaction():
        for run in busy:
            arrived = _Arrived(run.source.id, store, now)
            for message in run.waiting:
                if isinstance(message, _Brought):
                    _keep(run, message, arrived, secret, keys)
                else:
                    arrived.write()
                    _end(run, message, store, now)
            arrived.write()
            run.state.keep(store, run.source.id)
    for run in busy:
        brought = [m for m in run.waiting if isinstance(m, _Brought)]
        if brought:
            log.info(
                "%s: %s: %d items, %s",
                run.source.id,
                brought[-1].name,
                run.asked.item_count,
                brought[-1].left,
            )
        run.waiting = []


@dataclass(slots=True)
class _Arrived:
    """Records of several batches, written together: a page of 40 costs the store as much as one of thousands."""

    source_id: str
    store: Store
    now: datetime
    payloads: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    checked: list[str] = field(default_factory=list)

    def add(self, record_id: str, payload: str, digest: str) -> None:
        """One record; two versions of it in one commit are two revisions."""
        if self.digests.get(record_id, digest) != digest:
            self.write()
        self.payloads[record_id], self.digests[record_id] = payload, digest

    def end(self, gone: Sequence[str]) -> None:
        """Records that are gone, after those that have arrived."""
        if gone:
            self.write()
            self.store.records.end(self.source_id, gone, at=self.now)
            self.store.set_mark(ERASE, "records")

    def write(self) -> None:
        """Into the store, in the open transaction."""
        records = self.store.records
        records.keep(self.source_id, self.payloads, at=self.now, digests=self.digests)
        records.check(self.source_id, self.checked, at=self.now)
        self.payloads, self.digests, self.checked = {}, {}, []


def _keep(run: _Run, message: _Brought, arrived: _Arrived, secret: bytes, keys: frozenset[str]) -> None:
    batch = message.batch
    unreadable = batch.unreadable
    kept: set[str] = set()
    for item in batch.items:
        read = _read(item, run)
        if read is None:
            unreadable += 1
        elif read and not (keys and takedowns.key(secret, run.source.id, item.record_id) in keys):
            arrived.add(item.record_id, *read)
            kept.add(item.record_id)
    arrived.end(batch.gone)
    arrived.checked += batch.checked
    if batch.listed is not None:
        run.listed.setdefault(message.name, set()).update(batch.listed)
    run.readable_count += len(batch.items) - (unreadable - batch.unreadable)
    run.asked = replace(
        run.asked,
        item_count=run.asked.item_count + len(kept),
        warnings=tuple(dict.fromkeys((*run.asked.warnings, *batch.warnings))),
        unreadable_count=run.asked.unreadable_count + unreadable,
    )
    if not run.is_blind:
        run.state = replace(run.state, cursor={**run.state.cursor, **batch.cursor})


def _read(item: Item, run: _Run) -> tuple[str, str] | tuple[()] | None:
    """An item's payload and the digest of what it says; empty for one that is no feedback, None for a broken one."""
    try:
        payload = orjson.dumps(item.payload, option=orjson.OPT_SORT_KEYS)
        if run.connector.form != "rows":
            return payload.decode(), hashlib.blake2b(payload, digest_size=16).hexdigest()
        rows = tuple(run.connector.rows(item, run.source))
        if not rows:
            return ()
        said = [
            (
                r.record_id,
                {k: v for k, v in r.columns.items() if k not in _VOLATILE and v is not None},
                dict(r.bad),
            )
            for r in rows
        ]
        digest = hashlib.blake2b(orjson.dumps(said, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()
    except Exception:
        log.debug("%s: an item cannot be read", run.source.id, exc_info=True)
        return None
    return payload.decode(), digest


def _end(run: _Run, message: _Ended, store: Store, now: datetime) -> None:
    """A pass has ended: what a whole list did not name is gone; what was cut off is noted."""
    if not message.name:
        return
    if message.reason is not None:
        run.asked = replace(run.asked, spent=(*run.asked.spent, (message.name, message.reason)))
        return
    if message.name == "discover" and run.is_blind:
        # What passed unread is asked for again: the cursor has stayed where it was.
        error = SourceError(
            f"{', '.join(sorted(run.source.asked_hosts))} sent {run.asked.unreadable_count} items, "
            "of which not one could be read",
            remedy="its API may have changed: look for a newer version of Answerable, or report it",
        )
        run.asked = replace(run.asked, error=error)
    elif message.name == "discover":
        run.state = replace(run.state, complete_at=now)
    listed = run.listed.pop(message.name, None)
    if listed is None:
        return
    held = store.records.times(run.source.id)["record_id"].to_pylist()
    held_count = len(held)
    if held_count > _SUSPICIOUS and len(listed) < held_count / 2:
        sentence = f"lists {len(listed)} of the {held_count} items that are held: nothing was taken out"
        log.warning("%s: the source %s", run.source.id, sentence)
        run.asked = replace(run.asked, warnings=(*run.asked.warnings, f"the source {sentence}"))
        return
    gone = [record_id for record_id in held if record_id not in listed]
    store.records.end(run.source.id, gone, at=now)
    if store.records.times(run.source.id).num_rows < held_count:
        store.set_mark(ERASE, "records")
