"""The stage: from what was gathered and understood to every number that the site shows.

    measure(store, settings)        writes ``clock``, ``failure`` and ``measure_result``

Per-row work is done by batches of months, and only for months whose inputs changed.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from answerable import schema
from answerable.measure import counts, lists, results
from answerable.measure.cells import Cells, Sources, cells_of
from answerable.measure.clocks import clocks
from answerable.measure.failures import failure_rows, find_failures
from answerable.measure.labels import LABELS_FILE, read_labels
from answerable.measure.measures import METHOD_VERSION
from answerable.measure.narrow import ended_by_month, narrowed, points_by_clock
from answerable.measure.understood import (
    count_understood,
    model_of_topics,
    trained_labels,
    understood_rows,
)
from answerable.settings import Settings, month_starts

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from answerable.store import Store

__all__ = ["OVERRIDES", "main_measures", "measure"]

OVERRIDES = "overrides"
"""What stands in the place of a source in the findings about people's decisions."""

log = logging.getLogger(__name__)

_BATCH_ROWS = 400_000


def measure(store: Store, settings: Settings) -> None:
    """Bring ``clock``, ``failure`` and ``measure_result`` up to date; does nothing where their inputs are as before.

    Raises:
        SettingsError: the file of labels is wrong.
        StoreError: a row breaks the schema.
    """
    code = _code_digest()
    facts = store.frame(
        store.read("source").select(
            "source_id", "as_of_at", "is_published_by_row", "is_rate_published", "is_complete"
        )
    ).sort_values("source_id")
    of_clocks = facts.drop(columns=["is_published_by_row", "is_complete"])
    _write_clocks(store, settings, _digest(code, of_clocks.to_csv()))
    _write_results(store, settings, facts, _digest(code, facts.to_csv()))


def _digest(*parts: str | bytes) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
        digest.update(b"\x1f")
    return digest.hexdigest()


def _code_digest() -> str:
    """A digest of this room: what it made with other code is made anew."""
    return _digest(METHOD_VERSION, *(p.read_bytes() for p in sorted(Path(__file__).parent.glob("*.py"))))


# -- clocks
# --------------------------------------------------------------------------------------------------------------


def _write_clocks(store: Store, settings: Settings, known: str) -> None:
    zones = {s.id: settings.source_zone(s) for s in settings.sources}
    known = _digest(known, repr(sorted(zones.items())))
    months = sorted({*store.months("feedback"), *store.months("clock")})
    digests = {
        month: _digest(
            known,
            store.digest(
                "feedback",
                "feedback_update",
                "reading",
                "response_feedback",
                "update_elsewhere",
                month=month,
            ),
        )
        for month in months
    }
    stale = [m for m in months if store.mark(f"clock:{m}") != digests[m]]
    sizes = store.month_counts("feedback")
    for batch in _batches(stale, sizes):
        with store.transaction():
            rows = clocks(
                store.read("feedback", months=batch),
                _updates(store, batch),
                store.read("reading", months=batch),
                store.read("response_feedback", months=batch),
                sources=store.read("source"),
                zones=zones,
            )
            written = store.write("clock", rows, months=batch)
            for month in batch:
                store.set_mark(f"clock:{month}", digests[month])
        log.info("clocks of %s to %s: %d feedback", batch[0], batch[-1], written.row_count)


def _updates(store: Store, months: Sequence[str]) -> ir.Table:
    """What happened to feedback of some months: its own updates, and what agencies said of it elsewhere.

    What only may be about it (a proposal that nobody has reviewed) is none of it.
    """
    columns = ("feedback_id", "at", "kind", "is_official")
    own = store.read("feedback_update", months=months).select(*columns)
    if not store.months("update_elsewhere"):
        return own
    elsewhere = store.read("update_elsewhere", months=months)
    named = elsewhere.filter(elsewhere.is_counted).mutate(
        kind=ibis.literal("replied"), is_official=ibis.literal(True)
    )
    # An empty table knows its instants' precision, a file's does not.
    return ibis.union(
        *(rows.select(*columns).cast({"at": "timestamp"}) for rows in (own, named)), distinct=False
    )


def _batches(months: Sequence[str], sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """Months in runs of at most so many rows; a larger month stands alone."""
    batch: list[str] = []
    rows = 0
    for month in months:
        size = sizes.get(month, 0)
        if batch and rows + size > _BATCH_ROWS:
            yield batch
            batch, rows = [], 0
        batch.append(month)
        rows += size
    if batch:
        yield batch


# -- results
# -------------------------------------------------------------------------------------------------------------


def _write_results(store: Store, settings: Settings, facts: pd.DataFrame, known: str) -> None:
    path = settings.lookup(LABELS_FILE)
    inputs = _digest(
        known,
        settings.site.timezone,
        path.read_bytes() if path.exists() else b"",
        store.mark("relevance_threshold"),
        store.mark("relevance_trained"),
        store.mark("topic_model"),
        store.digest(
            "clock",
            "feedback",
            "feedback_update",
            "finding",
            "issue",
            "issue_feedback",
            "override",
            "reading",
            "response",
            "takedown",
            "update_elsewhere",
            "update_reading",
        ),
    )
    if store.mark("measure_result") == inputs:
        return
    sources = Sources(
        private=frozenset(facts.loc[~facts["is_published_by_row"], "source_id"]),
        rated=frozenset(facts.loc[facts["is_rate_published"], "source_id"]),
        pooled=frozenset(facts.loc[facts["is_rate_published"], "source_id"]) or frozenset(facts["source_id"]),
    )
    clock = store.read("clock")
    cells, rows = main_measures(store, clock, sources, settings)
    failures = find_failures(
        store,
        settings.site.timezone,
        partial(_batches, store.months("clock"), store.month_counts("clock")),
    )
    log.info("looked for failures on %d days: %d found", failures.watched_days, failures.rows.num_rows)
    frames = [
        rows,
        lists.list_rows(_lists(store, clock), sources, cells),
        lists.findings_rows(_findings(store), sources),
        lists.takedown_rows(_takedowns(store)),
        lists.override_rows(_overrides(store, sources)),
        lists.said_rows(_said(store, sources)),
        lists.label_rows(_labels(store, path), sources),
        lists.relevance_rows(_relevance(store), sources, _threshold(store)),
        understood_rows(count_understood(store), sources, model_of_topics(store), trained_labels(store)),
        lists.issue_rows(_issues(store, sources)),
        failure_rows(failures),
    ]
    table = (
        pd.concat([f for f in frames if len(f)], ignore_index=True) if any(map(len, frames)) else frames[0]
    )
    with store.transaction():
        store.write("failure", failures.rows)
        store.write("measure_result", table)
        store.set_mark("measure_result", inputs)
    log.info("measured: %d numbers", len(table))


def main_measures(
    store: Store, clock: ir.Table, sources: Sources, settings: Settings
) -> tuple[Cells | None, pd.DataFrame]:
    """The measures that are computed for every month, from a table with the columns of ``clock``.

    Returns:
        The counts behind them (None where nothing is counted), and the rows of ``measure_result``.
    """
    months = _months(store, clock, settings)
    if not months:
        return None, results.no_rows()
    raised = pd.concat(
        store.frame(counts.raised_by_month(clock, breakdown)).assign(breakdown=breakdown)
        for breakdown in counts.GROUP_COLUMNS
    )
    codes = {
        breakdown: sorted(raised.loc[raised["breakdown"] == breakdown, "group_code"].unique())
        for breakdown in counts.GROUP_COLUMNS
    }
    log.info("counted what was raised: %d months", len(months))
    with narrowed(store, clock, settings.site.timezone, months, codes) as narrow:
        ended = pd.concat(ended_by_month(store, narrow, b).assign(breakdown=b) for b in codes)
        cells = cells_of(raised, ended, sources, months)
        points = points_by_clock(store, narrow, sources.pooled)
    log.info("measured how long it took")
    return cells, results.main_rows(cells, points)


def _months(store: Store, clock: ir.Table, settings: Settings) -> list[str]:
    """Every month from the first in which something was raised to the last, or to that of T where it is later."""
    span = store.frame(
        clock.aggregate(first=clock.month.min(), last=clock.month.max(), until=clock.as_of_at.max())
    )
    first, last, until = span.iloc[0]
    if pd.isna(first):
        return []
    until_month = pd.Timestamp(until, tz="UTC").tz_convert(settings.site.timezone).strftime("%Y-%m")
    return [m for m, _ in month_starts(str(first), max(str(last), until_month), settings.site.zone)]


# -- lists -------------------------------------------------------------------------------------------------------


def _lists(store: Store, clock: ir.Table) -> pd.DataFrame:
    """Counts by source for `lists.list_rows`."""
    feedback, reading, said, response = (
        store.read(name) for name in ("feedback", "reading", "update_reading", "response")
    )
    excluded = reading.filter(reading.exclusion.notnull())
    said = said.filter(said.update_class.notnull()).select("source_id", "update_class")
    if store.months("update_elsewhere"):
        # A post counts once, whatever number of feedback it names; as a reply it is counted already.
        elsewhere = store.read("update_elsewhere")
        elsewhere = elsewhere.filter(
            elsewhere.is_counted & ~elsewhere.is_reply & elsewhere.update_class.notnull()
        )
        once = elsewhere.select("post_id", "update_class", source_id="post_source_id").distinct()
        said = said.union(once.select(*said.columns), distinct=False)
    closed = clock.filter(clock.closing_reason.notnull())
    wanted = (
        ("held", "source", feedback, feedback.source_id),
        ("excluded", "exclusion", excluded, excluded.exclusion),
        ("updates", "update_class", said, said.update_class),
        ("closings", "closing_reason", closed, closed.closing_reason),
        ("responses", "agency", response, ibis.coalesce(response.agency_code, schema.MISSING_CODE)),
    )
    frames = [
        store.frame(
            table.select("source_id", group_code=group)
            .group_by("group_code", "source_id")
            .aggregate(count=ibis._.count())
        ).assign(measure=name, breakdown=breakdown)
        for name, breakdown, table, group in wanted
    ]
    return pd.concat(frames, ignore_index=True)


def _findings(store: Store) -> pd.DataFrame:
    finding = store.read("finding").select("source_id", "finding_code", "row_count")
    # Decisions of people are no source's: what is wrong with them is counted under their own name.
    override = store.read("override")
    stale = override.filter(override.is_expired | ~override.is_matched).select(
        source_id=ibis.literal(OVERRIDES),
        finding_code=override.is_expired.ifelse("override_expired", "override_unmatched"),
        row_count=ibis.literal(1).cast("int64"),
    )
    both = finding.union(stale, distinct=False)
    return store.frame(both.group_by("source_id", "finding_code").aggregate(count=both.row_count.sum()))


def _overrides(store: Store, sources: Sources) -> pd.DataFrame:
    """How many decisions of people hold, by what they decide; labels that overrule the program among them.

    Labels count of sources that publish their rows alone: of another each is a row that nobody can see.
    """
    override = store.read("override")
    held = override.filter(override.is_matched & ~override.is_expired)
    reading = store.read("reading")
    told = reading.filter(
        reading.source_id.notin(sorted(sources.private))
        & reading.is_labelled_relevant.notnull()
        & reading.is_judged_relevant.notnull()
        & (reading.is_labelled_relevant != reading.is_judged_relevant)
    )
    decided = held.select(decision="decision").union(
        told.select(decision=ibis.literal("label")), distinct=False
    )
    return store.frame(decided.group_by("decision").aggregate(count=decided.count()).order_by("decision"))


def _said(store: Store, sources: Sources) -> pd.DataFrame:
    """What was said of the feedback that each agency is responsible for, by class; of sources that publish rows."""
    frames = []
    private = sorted(sources.private)
    for batch in _batches(store.months("update_reading"), store.month_counts("update_reading")):
        said = store.read("update_reading", months=batch)
        said = said.filter(said.update_class.notnull()).select("feedback_id", "source_id", "update_class")
        if store.months("update_elsewhere"):
            elsewhere = store.read("update_elsewhere", months=batch)
            elsewhere = elsewhere.filter(elsewhere.is_counted & elsewhere.update_class.notnull())
            elsewhere = elsewhere.filter(elsewhere.post_source_id.notin(private))
            said = said.union(elsewhere.select(*said.columns), distinct=False)
        clock = store.read("clock", months=batch).select("feedback_id", "agency_code")
        rows = said.filter(said.source_id.notin(private)).inner_join(clock, "feedback_id")
        frames.append(store.frame(rows.group_by("agency_code", "update_class").aggregate(count=rows.count())))
    if not frames:
        return pd.DataFrame(columns=["agency_code", "update_class", "count"])
    return pd.concat(frames).groupby(["agency_code", "update_class"], as_index=False).sum()


def _takedowns(store: Store) -> pd.DataFrame:
    takedown = store.read("takedown")
    return store.frame(takedown.group_by("reason").aggregate(count=takedown.count()).order_by("reason"))


def _labels(store: Store, path: Path) -> pd.DataFrame:
    """The labelled notes with what the rules say: ``source_id``, ``person_class``, ``rules_class``."""
    labels = read_labels(path)
    if not labels.num_rows:
        return pd.DataFrame(columns=["source_id", "person_class", "rules_class"])
    given = ibis.memtable(labels)
    feedback = store.read("feedback").select("feedback_id", "record_id", "source_id")
    wanted = feedback.join(given, "record_id")
    wanted = wanted.filter(
        wanted.labelled_source_id.isnull() | (wanted.labelled_source_id == wanted.source_id)
    ).select("feedback_id", "record_id", "source_id", "person_class")
    said = store.read("update_reading").select("update_id", "feedback_id", rules_class="update_class")
    said = said.filter(said.rules_class.notnull())
    replied = store.read("feedback_update").filter(ibis._.kind == "replied").select("update_id", "at")
    found = store.frame(wanted.join(said, "feedback_id").join(replied, "update_id"))
    missing = labels.num_rows - found["record_id"].nunique()
    if missing:
        log.warning("%s: %d labelled notes are not in the data", path.name, missing)
    # The label is about the latest note.
    return found.sort_values(["record_id", "at", "update_id"]).drop_duplicates(
        ["record_id", "source_id"], keep="last"
    )


def _relevance(store: Store) -> pd.DataFrame:
    """What the model read, and what people said of it, by source, for `lists.relevance_rows`."""
    reading = store.read("reading")
    by_person = reading.is_labelled_relevant
    is_labelled = reading.is_label_held_out.fill_null(False) & reading.is_judged_relevant.notnull()
    return store.frame(
        reading.group_by("source_id").aggregate(
            read=reading.relevance_score.count(),
            doubted=reading.count(where=reading.is_counted & (reading.relevance_score < 0.5)),
            labelled=reading.count(where=is_labelled),
            counted=reading.count(where=is_labelled & reading.is_judged_relevant),
            feedback=reading.count(where=is_labelled & by_person),
            both=reading.count(where=is_labelled & by_person & reading.is_judged_relevant),
        )
    )


def _threshold(store: Store) -> float | None:
    """The chance from which on the model counts a message, as understanding left it."""
    said = store.mark("relevance_threshold")
    return float(said) if said else None


def _issues(store: Store, sources: Sources) -> pd.DataFrame:
    """Counts of each issue that has a page, apart for private sources."""
    issue = store.read("issue")
    with_page = issue.filter(issue.has_page).select("issue_id")
    frames = []
    for batch in _batches(store.months("issue_feedback"), store.month_counts("issue_feedback")):
        member = store.read("issue_feedback", months=batch).select("feedback_id", "issue_id")
        clock = store.read("clock", months=batch)
        rows = clock.join(member.semi_join(with_page, "issue_id"), "feedback_id")
        rows = rows.mutate(is_private=rows.source_id.isin(sorted(sources.private)))
        frames.append(
            store.frame(
                rows.group_by("issue_id", "is_private").aggregate(
                    raised=rows.count(),
                    supporters=ibis.coalesce(rows.support_count.sum(), 0),
                    supporters_known=rows.support_count.count(),
                    open=rows.count(where=rows.closed_at.isnull()),
                )
            )
        )
    if not frames:
        return pd.DataFrame(
            columns=["issue_id", "is_private", "raised", "supporters", "supporters_known", "open"]
        )
    return pd.concat(frames).groupby(["issue_id", "is_private"], as_index=False).sum()
