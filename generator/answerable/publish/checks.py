"""What has to hold before anything is published. A check that fails stops the publishing; the site that stands is left.

    run_checks(store, settings)

Each check is a function from the store and the settings to a list of sentences, one for each thing that is wrong.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

import ibis

from answerable import schema
from answerable.errors import CheckError, SourceError, StaleSourceError
from answerable.publish.open_data import EXPORTS
from answerable.understand.privacy import PrivacyContext, detected

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from answerable.settings import Settings
    from answerable.store import Store

__all__ = ["CHECKS", "UNMAPPED_LIMIT", "check_sources", "run_checks"]

log = logging.getLogger(__name__)

UNMAPPED_LIMIT = 0.05
"""The share of counted feedback that may be about no topic of the site's list."""

_SHOWN = 5  # how many places of one kind a message names
_TEXTS = 50_000  # texts in memory at a time

# Kinds that have a structure: their detectors are never in doubt. (Names are guessed from what the whole of the texts
# holds; understand/ does so once, with all of them before it.)
_CERTAIN = frozenset({"email", "phone", "number", "handle", "card", "iban", "ip", "id"})
# What any of those kinds must hold: the rest of the texts, most of them, need not go through Python.
_SUSPICIOUS = r"@|\[at\]|\(at\)|[0-9][0-9 ()./+-]{4,}[0-9]|://|www\."


def no_private_column(store: Store, settings: Settings) -> list[str]:  # noqa: ARG001
    """Every published column is one that the schema calls public."""
    public = {c.name for t in schema.TABLES.values() for c in t.columns if c.is_public}
    wrong = []
    for export in EXPORTS:
        named = {c.name for c in export.columns}
        wrong += [
            f"{export.name}.{c.name} is private"
            for c in export.columns
            if not c.is_public or c.name not in public
        ]
        missing = named - set(
            export.rows(store, ()).columns if export.by else export.rows(store, None).columns
        )
        wrong += [f"{export.name}.{name} has no values" for name in sorted(missing)]
    return wrong


def no_personal_data(store: Store, settings: Settings) -> list[str]:
    """The detectors find nothing in the texts that would be published."""
    context = PrivacyContext(official_handles=frozenset(settings.agency_by_account))
    wrong = []
    for name, columns in _public_texts():
        found = 0
        kinds: set[str] = set()
        table = store.read(name)
        for column in columns:
            for text in _suspicious(store, table, column):
                held = {kind for kind, _ in detected(text, context)} & _CERTAIN
                found += bool(held)
                kinds |= held
        if found:
            wrong.append(
                f"{name}: personal data ({', '.join(sorted(kinds))}) in {found} texts that would be published"
            )
    return wrong


def _public_texts() -> Iterator[tuple[str, tuple[str, ...]]]:
    for table in schema.TABLES.values():
        columns = tuple(c.name for c in table.columns if c.name in {"public_title", "public_text"})
        if columns:
            yield table.name, columns


def _suspicious(store: Store, table: ir.Table, column: str) -> Iterator[str]:
    texts = table.filter(table[column].re_search(_SUSPICIOUS)).select(text=table[column]).distinct()
    for batch in store.batches(texts, size=_TEXTS):
        yield from batch.column("text").to_pylist()


def sums_agree(store: Store, settings: Settings) -> list[str]:  # noqa: ARG001
    """The groups of a breakdown add up to the whole, where none of them is hidden."""
    result = store.read("measure_result")
    counted = result.filter(result.measure.isin(["raised", "open"]))
    parts = counted.filter(counted.breakdown.isin(["agency", "topic", "area", "source"]))
    sums = parts.group_by("measure", "interval", "breakdown").aggregate(
        added=parts["value"].sum(), is_hidden=parts.is_suppressed.any()
    )
    whole = counted.filter((counted.breakdown == "all") & ~counted.is_suppressed).select(
        "measure", "interval", whole=counted["value"]
    )
    joined = sums.filter(~sums.is_hidden).join(whole, ["measure", "interval"])
    wrong = (
        joined.filter(joined.added != joined.whole)
        .order_by(["measure", "breakdown", "interval"])
        .limit(_SHOWN)
    )
    return [
        f"{row['measure']} of {row['interval']}: the groups by {row['breakdown']} add up to {row['added']:.0f}, "
        f"the whole is {row['whole']:.0f}"
        for row in store.con.to_pyarrow(wrong).to_pylist()
    ]


def topics_are_mapped(store: Store, settings: Settings) -> list[str]:
    """Hardly anything is about no topic at all."""
    result = store.read("measure_result")
    raised = result.filter((result.measure == "raised") & (result.interval == "all"))
    rows = store.con.to_pyarrow(
        raised.filter(
            (raised.breakdown == "all")
            | ((raised.breakdown == "topic") & (raised.group_code == schema.MISSING_CODE))
        ).select("breakdown", "value")
    ).to_pylist()
    found = {row["breakdown"]: row["value"] or 0 for row in rows}
    limit = UNMAPPED_LIMIT
    if found.get("all") and found.get("topic", 0) / found["all"] > limit:
        share = found["topic"] / found["all"]
        where = settings.project / "data" / "topics.yml"
        limits = f"at most {limit:.0%} may be"
        return [f"{share:.1%} of the feedback is about no topic ({limits}): add codes or phrases to {where}"]
    return []


def numbers_exist(store: Store, settings: Settings) -> list[str]:  # noqa: ARG001
    """There is something to show."""
    held = store.read("feedback").count()
    if not store.con.to_pyarrow(held).as_py():
        return ["no source holds any feedback"]
    result = store.read("measure_result")
    whole = result.filter(
        (result.measure == "raised") & (result.breakdown == "all") & (result.interval == "all")
    )
    return [] if store.con.to_pyarrow(whole.count()).as_py() == 1 else ["nothing has been measured"]


CHECKS: Mapping[str, Callable[[Store, Settings], list[str]]] = MappingProxyType(
    {
        "no private column": no_private_column,
        "no personal data": no_personal_data,
        "numbers exist": numbers_exist,
        "sums agree": sums_agree,
        "topics are mapped": topics_are_mapped,
    }
)
"""Every check by its name, in the order in which they run."""


def run_checks(store: Store, settings: Settings, *, now: datetime | None = None) -> None:
    """Run every check.

    Raises:
        CheckError: at least one failed; the message lists all.
        SourceError: nothing else is wrong, but a source was never read, or has been failing for too long.
    """
    wrong = []
    for name, check in CHECKS.items():
        found = check(store, settings)
        log.info("check: %s: %s", name, "fine" if not found else "failed")
        wrong += [f"{name}: {sentence}" for sentence in found]
    if wrong:
        listed = "".join(f"\n  - {sentence}" for sentence in wrong)
        raise CheckError(f"nothing was published, because:{listed}", remedy="put this right and build again")
    check_sources(store, settings, now=now)


def check_sources(
    store: Store, settings: Settings, *, only: str | None = None, now: datetime | None = None
) -> None:
    """A source that fails keeps its last good data, for as long as the site's settings allow.

    Raises:
        SourceError: a source could not be read and never was.
        StaleSourceError: a source has been failing for longer than its ``max_age_days``.
    """
    now = now or datetime.now(UTC)
    rows = store.con.to_pyarrow(
        store.read("source").filter(ibis._.is_stale).select("source_id", "last_success_at", "stale_reason")
    ).to_pylist()
    unread, stale = [], []
    for row in sorted(rows, key=lambda r: str(r["source_id"])):
        source = settings.source_by_id.get(row["source_id"])
        if source is None or only not in {None, source.id}:
            continue
        reason = f": {row['stale_reason']}" if row["stale_reason"] else ""
        last = row["last_success_at"]
        if last is None:
            unread.append(f"source {source.id} could not be read, and never was{reason}")
        elif now - last.replace(tzinfo=UTC) > timedelta(days=source.max_age_days):
            stale.append(
                f"source {source.id} has been failing since {last:%Y-%m-%d}, "
                f"longer than its {source.max_age_days} days{reason}"
            )
    if unread:
        raise SourceError(
            "; ".join((*unread, *stale)), remedy="correct it in data/sources.yml, or take it out"
        )
    if stale:
        raise StaleSourceError(
            "; ".join(stale), remedy="repair the source, or raise its max_age_days in data/sources.yml"
        )
