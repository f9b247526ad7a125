"""What connectors received, verbatim: the private table ``record`` of the store's DuckDB file.

Every version of a record that says something else is a revision. A record that the source no longer holds keeps its
row, with ``gone_at``, and loses its content; one that a person had taken down leaves only a keyed hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import duckdb
import pyarrow as pa

__all__ = ["DDL", "Forgotten", "RecordTable", "Revision"]

DDL = """
create table if not exists record (
    source_id varchar not null, record_id varchar not null, payload varchar not null,
    fetched_at timestamp not null, revision bigint not null check (revision >= 1), gone_at timestamp,
    digest varchar not null, checked_at timestamp not null, is_reduced boolean not null,
    primary key (source_id, record_id, revision)
);
create table if not exists forgotten (
    key varchar primary key, source_id varchar not null, reason varchar not null, removed_on date not null
);
"""

_LATEST = (
    "select * from record where source_id = $source "
    "qualify revision = max(revision) over (partition by record_id)"
)
"""The newest revision of each record of a source."""

_CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Revision:
    """One version of a record. ``is_reduced``: what is left of it after the time for which people's words are kept."""

    record_id: str
    revision: int
    payload: str
    fetched_at: datetime
    is_reduced: bool


@dataclass(frozen=True, slots=True)
class Forgotten:
    """One removal on somebody's request: ``key`` is a keyed hash of what was removed."""

    key: str
    source_id: str
    reason: str
    removed_on: date


class RecordTable:
    """The records of all sources; writes happen in the store's open transaction."""

    def __init__(self, state: Callable[[], duckdb.DuckDBPyConnection], staged: Callable[[], None]) -> None:
        self._state = state
        self._staged = staged

    # -- reading ---------------------------------------------------------------------------------------------------

    def payloads(self, source_id: str) -> dict[str, str]:
        """The newest payload of each record that is not gone, by record_id."""
        return {r.record_id: r.payload for r in self.latest(source_id)}

    def latest(self, source_id: str) -> Iterator[Revision]:
        """The newest revision of each record that is not gone, in the order of their identifiers."""
        yield from self._revisions(f"select * from ({_LATEST}) where gone_at is null", source_id)  # noqa: S608

    def revised(self, source_id: str) -> Iterator[Revision]:
        """Every revision of the records that are not gone and have more than one, oldest first."""
        several = (
            "select record_id from record where source_id = $source group by record_id "
            "having count(*) > 1 and arg_max(gone_at is null, revision)"
        )
        yield from self._revisions(
            f"select * from record where source_id = $source and payload != '' and record_id in ({several})",  # noqa: S608
            source_id,
        )

    def reduced(self, source_id: str) -> Iterator[Revision]:
        """The newest revision of the records of which only a part is kept."""
        sql = f"select * from ({_LATEST}) where gone_at is null and is_reduced"  # noqa: S608
        yield from self._revisions(sql, source_id)

    def _revisions(self, sql: str, source_id: str) -> Iterator[Revision]:
        # A cursor of its own: the table may be asked other things while it is read.
        found = self._state().cursor()
        try:
            found.execute(
                f"select record_id, revision, payload, fetched_at, is_reduced from ({sql}) "  # noqa: S608
                "order by record_id, revision",
                {"source": source_id},
            )
            while rows := found.fetchmany(_CHUNK):
                for row in rows:
                    yield Revision(*row)
        finally:
            found.close()

    def times(self, source_id: str) -> pa.Table:
        """``record_id``, ``checked_at`` (when it was last seen) and ``is_reduced`` of each record that is not gone."""
        return self._arrow(
            f"select record_id, checked_at, is_reduced from ({_LATEST}) where gone_at is null order by record_id",  # noqa: S608
            {"source": source_id},
        )

    def digest(self, source_id: str) -> str:
        """A digest of what is held: equal content gives an equal digest."""
        found = self._state().execute(
            "select count(*), bit_xor(md5_number_lower("
            "concat_ws(chr(31), record_id, revision, payload, is_reduced, gone_at is null))) "
            "from record where source_id = $source",
            {"source": source_id},
        )
        return "\x1f".join(str(v) for v in found.fetchone() or ())

    def sources(self) -> frozenset[str]:
        """The sources that hold records."""
        rows = self._state().execute("select distinct source_id from record").fetchall()
        return frozenset(str(row[0]) for row in rows)

    # -- writing ---------------------------------------------------------------------------------------------------

    def keep(
        self,
        source_id: str,
        payloads: Mapping[str, str],
        *,
        at: datetime,
        digests: Mapping[str, str] | None = None,
    ) -> None:
        """Keep what was received: a record whose digest differs from the newest revision's is a new revision.

        Args:
            source_id: the source.
            payloads: what was received, by record_id.
            at: when.
            digests: what each record says, as a digest (of its payload where missing): a payload that differs and
                says the same replaces the old one.
        """
        self._staged()
        if not payloads:
            return
        state = self._state()
        said = digests if digests is not None else {n: _digest(p) for n, p in payloads.items()}
        incoming = pa.table(
            {
                "record_id": pa.array(payloads, pa.string()),
                "payload": pa.array(payloads.values(), pa.string()),
                "digest": pa.array([said[name] for name in payloads], pa.string()),
            }
        )
        state.register("incoming", incoming)
        state.execute(
            "create or replace temp table arrived as select incoming.*, latest.revision, "
            "latest.record_id is not null and latest.digest = incoming.digest and latest.gone_at is null as is_known, "
            "coalesce(latest.is_reduced, false) as was_reduced, "
            "latest.payload is not distinct from incoming.payload as is_same "
            "from incoming left join (select * from record where source_id = $source and record_id in "
            "(select record_id from incoming) qualify revision = max(revision) over (partition by record_id)) latest "
            "using (record_id)",
            {"source": source_id},
        )
        state.execute(
            "update record set checked_at = $at from arrived where record.source_id = $source and is_known "
            "and arrived.record_id = record.record_id and arrived.revision = record.revision",
            {"source": source_id, "at": at},
        )
        state.execute(
            "update record set payload = arrived.payload from arrived where record.source_id = $source and is_known "
            "and not is_same and not was_reduced "
            "and arrived.record_id = record.record_id and arrived.revision = record.revision",
            {"source": source_id},
        )
        state.execute(
            "insert into record by name select $source as source_id, record_id, payload, $at as fetched_at, "
            "coalesce(revision, 0) + 1 as revision, null as gone_at, digest, $at as checked_at, false as is_reduced "
            "from arrived where not is_known",
            {"source": source_id, "at": at},
        )
        state.execute("drop table arrived")
        state.unregister("incoming")

    def check(self, source_id: str, record_ids: Sequence[str], *, at: datetime) -> None:
        """Note that records were looked at and are still there."""
        self._update("checked_at = $at", source_id, record_ids, at)

    def end(self, source_id: str, record_ids: Sequence[str], *, at: datetime) -> None:
        """Mark records as gone; what they said leaves the store."""
        self._update("gone_at = coalesce(gone_at, $at), payload = ''", source_id, record_ids, at)

    def _update(self, change: str, source_id: str, record_ids: Sequence[str], at: datetime) -> None:
        self._staged()
        if not record_ids:
            return
        state = self._state()
        state.register("named", pa.table({"record_id": pa.array(record_ids, pa.string())}))
        state.execute(
            f"update record set {change} where source_id = $source "  # noqa: S608
            "and record_id in (select record_id from named)",
            {"source": source_id, "at": at},
        )
        state.unregister("named")

    def end_others(self, source_id: str, present: pa.Table, *, at: datetime) -> None:
        """Mark as gone the records of a source that are not in ``present.record_id``."""
        self._staged()
        state = self._state()
        state.register("present", present)
        state.execute(
            "update record set gone_at = $at, payload = '' where source_id = $source and gone_at is null "
            "and record_id not in (select record_id from present)",
            {"source": source_id, "at": at},
        )
        state.unregister("present")

    def reduce(self, source_id: str, payloads: Mapping[str, str]) -> None:
        """Put what may be kept in the place of what was received; earlier revisions are dropped."""
        self._staged()
        if not payloads:
            return
        state = self._state()
        state.register(
            "reduced",
            pa.table(
                {
                    "record_id": pa.array(payloads, pa.string()),
                    "payload": pa.array(payloads.values(), pa.string()),
                }
            ),
        )
        state.execute(
            "delete from record where source_id = $source and record_id in (select record_id from reduced) "
            "and revision < (select max(other.revision) from record other "
            "where other.source_id = record.source_id and other.record_id = record.record_id)",
            {"source": source_id},
        )
        state.execute(
            "update record set payload = reduced.payload, is_reduced = true from reduced "
            "where record.source_id = $source and record.record_id = reduced.record_id",
            {"source": source_id},
        )
        state.unregister("reduced")

    def drop(self, source_id: str, record_ids: Sequence[str] | None = None) -> None:
        """Remove records of a source (all of them, where none are named) with every revision."""
        self._staged()
        state = self._state()
        if record_ids is None:
            state.execute("delete from record where source_id = $source", {"source": source_id})
            return
        state.register("named", pa.table({"record_id": pa.array(record_ids, pa.string())}))
        state.execute(
            "delete from record where source_id = $source and record_id in (select record_id from named)",
            {"source": source_id},
        )
        state.unregister("named")

    # -- what people had taken down --------------------------------------------------------------------------------

    def forgotten(self) -> tuple[Forgotten, ...]:
        """Every removal on request, in the order of their keys."""
        rows = self._state().execute("select key, source_id, reason, removed_on from forgotten order by key")
        return tuple(Forgotten(*row) for row in rows.fetchall())

    def forget(self, removals: Sequence[Forgotten]) -> None:
        """Note removals; one that is known stays as it was."""
        self._staged()
        for removal in removals:
            self._state().execute(
                "insert or ignore into forgotten values (?, ?, ?, ?)",
                [removal.key, removal.source_id, removal.reason, removal.removed_on],
            )

    def _arrow(self, sql: str, values: Mapping[str, object]) -> pa.Table:
        found = self._state().cursor()
        try:
            return found.execute(sql, dict(values)).arrow().read_all()
        finally:
            found.close()


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()
