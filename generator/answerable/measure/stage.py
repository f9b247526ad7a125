"""The stage: from what was gathered and understood to every number that the site shows.

    measure(store, settings)        writes ``clock`` and ``measure_result``

Per-row work is done by batches of months, and only for months whose inputs changed.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import pandas as pd
import pyarrow as pa

from answerable import schema
from answerable.measure import counts, results
from answerable.measure.clocks import clocks
from answerable.measure.labels import LABELS_FILE, read_labels
from answerable.measure.measures import INTERVAL_ALL, MAIN_BREAKDOWNS, METHOD_VERSION, QUANTILES
from answerable.measure.results import CELL, Cells, Sources
from answerable.measure.survival import quantiles, times
from answerable.settings import Settings, month_starts

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from answerable.store import Store

__all__ = ["main_measures", "measure"]

log = logging.getLogger(__name__)

_BATCH_ROWS = 400_000
_EVENTS = {"first_response": ("response_minutes", "is_answered"), "closing": ("closing_minutes", "is_closed")}


def measure(store: Store, settings: Settings) -> None:
    """Bring ``clock`` and ``measure_result`` up to date; does nothing where their inputs are what they were.

    Raises:
        SettingsError: the file of labels is wrong.
        StoreError: a row breaks the schema.
    """
    code = _code_digest()
    facts = store.frame(
        store.read("source").select("source_id", "as_of_at", "is_published_by_row", "is_rate_published")
    ).sort_values("source_id")
    _write_clocks(store, settings, _digest(code, facts.drop(columns="is_published_by_row").to_csv()))
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


# -- clocks --------------------------------------------------------------------------------------------------------------


def _write_clocks(store: Store, settings: Settings, known: str) -> None:
    zones = {s.id: settings.source_zone(s) for s in settings.sources}
    known = _digest(known, repr(sorted(zones.items())))
    months = sorted({*store.months("feedback"), *store.months("clock")})
    digests = {
        month: _digest(
            known, store.digest("feedback", "feedback_update", "reading", "response_feedback", month=month)
        )
        for month in months
    }
    stale = [m for m in months if store.mark(f"clock:{m}") != digests[m]]
    sizes = store.month_counts("feedback")
    for batch in _batches(stale, sizes):
        with store.transaction():
            rows = clocks(
                store.read("feedback", months=batch),
                store.read("feedback_update", months=batch),
                store.read("reading", months=batch),
                store.read("response_feedback", months=batch),
                sources=store.read("source"),
                zones=zones,
            )
            written = store.write("clock", rows, months=batch)
            for month in batch:
                store.set_mark(f"clock:{month}", digests[month])
        log.info("clocks of %s to %s: %d feedback", batch[0], batch[-1], written.row_count)


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


# -- results -------------------------------------------------------------------------------------------------------------


def _write_results(store: Store, settings: Settings, facts: pd.DataFrame, known: str) -> None:
    path = settings.lookup(LABELS_FILE)
    inputs = _digest(
        known,
        settings.site.timezone,
        path.read_bytes() if path.exists() else b"",
        store.digest(
            "clock",
            "feedback",
            "feedback_update",
            "finding",
            "issue",
            "issue_feedback",
            "reading",
            "response",
            "update_reading",
        ),
    )
    if store.mark("measure_result") == inputs:
        return
    sources = Sources(
        private=frozenset(facts.loc[~facts["is_published_by_row"], "source_id"]),
        rated=frozenset(facts.loc[facts["is_rate_published"], "source_id"]),
        pooled=frozenset(facts.loc[facts["is_rate_published"], "source_id"])
        or frozenset(facts["source_id"]),
    )
    clock = store.read("clock")
    cells, rows = main_measures(store, clock, sources, settings)
    frames = [
        rows,
        results.list_rows(_lists(store, clock), sources, cells),
        results.findings_rows(_findings(store), sources),
        results.label_rows(_labels(store, path), sources),
        results.issue_rows(_issues(store, sources)),
    ]
    table = pd.concat([f for f in frames if len(f)], ignore_index=True) if any(map(len, frames)) else frames[0]
    with store.transaction():
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
    raised, ended = [], []
    for breakdown in counts.GROUP_COLUMNS:
        raised.append(store.frame(counts.raised_by_month(clock, breakdown)).assign(breakdown=breakdown))
        ended.append(
            store.frame(counts.closed_by_month(clock, breakdown, settings.site.timezone)).assign(
                breakdown=breakdown
            )
        )
    log.info("counted what was raised and closed")
    cells = results.cells_of(pd.concat(raised), pd.concat(ended), sources, months)
    points = _points(store, clock, sources, cells)
    return cells, results.main_rows(cells, points)


def _months(store: Store, clock: ir.Table, settings: Settings) -> list[str]:
    """Every month from the first in which something was raised to the last, or to that of T where it is later."""
    span = store.frame(clock.aggregate(first=clock.month.min(), last=clock.month.max(), until=clock.as_of_at.max()))
    first, last, until = span.iloc[0]
    if pd.isna(first):
        return []
    until_month = pd.Timestamp(until, tz="UTC").tz_convert(settings.site.timezone).strftime("%Y-%m")
    return [m for m, _ in month_starts(str(first), max(str(last), until_month), settings.site.zone)]


@contextmanager
def _temporary(store: Store, name: str, expr: ir.Table) -> Iterator[ir.Table]:
    """An expression computed once, for as long as the context lasts."""
    yield store.con.create_table(name, expr, temp=True, overwrite=True)
    store.con.drop_table(name, force=True)


def _points(store: Store, clock: ir.Table, sources: Sources, cells: Cells) -> dict[str, pd.DataFrame]:
    """The quantiles of both clocks for every cell, in minutes.

    The rows are kept once in a narrow table, with small numbers in the place of codes: sorting and grouping them is most of the
    work of all measures.
    """
    groups = {
        breakdown: sorted(cells.total.xs(breakdown, level="breakdown").index.unique("group_code"))
        for breakdown in counts.GROUP_COLUMNS
    }
    narrow = _numbered(clock, "month", clock.month, list(cells.months))
    narrow = narrow.mutate(
        is_answered=narrow.responded_at.notnull(),
        is_closed=narrow.closed_at.notnull(),
        response_minutes=narrow.response_minutes.cast("int32"),
        closing_minutes=narrow.closing_minutes.cast("int32"),
    )
    for breakdown, codes in groups.items():
        narrow = _numbered(narrow, breakdown, counts.group_of(narrow, breakdown), codes)
    numbers = [f"{name}_number" for name in ("month", *groups)]
    narrow = narrow.select(*numbers, *(c for pair in _EVENTS.values() for c in pair))
    found: dict[str, list[pd.DataFrame]] = {clock_name: [] for clock_name in _EVENTS}
    with _temporary(store, "measure_narrow", narrow) as rows:
        pooled = [groups["source"].index(s) for s in sorted(sources.pooled & set(groups["source"]))]
        for breakdown in MAIN_BREAKDOWNS:
            cases = rows
            if breakdown != "source" and len(pooled) < len(groups["source"]):
                cases = rows.filter(rows.source_number.isin(pooled)) if pooled else rows.limit(0)
            for clock_name in _EVENTS:
                found[clock_name].append(
                    _points_of(store, cases, clock_name, breakdown, groups.get(breakdown, []), cells.months)
                )
            log.info("times by %s", breakdown)
    return {clock_name: pd.concat(frames).set_index(CELL) for clock_name, frames in found.items()}


def _numbered(table: ir.Table, name: str, codes_of: ir.StringValue, codes: Sequence[str]) -> ir.Table:
    """The table with the place of a code in a list, as ``<name>_number``."""
    numbers = ibis.memtable(
        pa.table(
            {
                f"{name}_code_known": pa.array(codes, pa.string()),
                f"{name}_number": pa.array(range(len(codes)), pa.int32()),
            }
        )
    )
    joined = table.mutate(_code=codes_of).join(numbers, ibis._._code == numbers[f"{name}_code_known"])
    return joined.drop("_code", f"{name}_code_known")


def _points_of(
    store: Store, rows: ir.Table, clock_name: str, breakdown: str, codes: Sequence[str], months: Sequence[str]
) -> pd.DataFrame:
    """The quantiles of one clock in one breakdown, for every month and for all together."""
    minutes, is_event = _EVENTS[clock_name]
    keys = [] if breakdown == INTERVAL_ALL else [f"{breakdown}_number"]
    counted = times(rows, [*keys, "month_number"], minutes=rows[minutes], is_event=rows[is_event])
    with _temporary(store, "measure_times", counted) as monthly:
        by_month = store.frame(quantiles(monthly, [*keys, "month_number"]))
        whole = monthly.group_by(*keys, "minutes").aggregate(
            case_count=monthly.case_count.sum(), event_count=monthly.event_count.sum()
        )
        # A group has a column in any case; the site as a whole is one group.
        keyed = whole if keys else whole.mutate(all_number=ibis.literal(0))
        overall = store.frame(quantiles(keyed, keys or ["all_number"]))
    by_month["interval"] = [months[i] for i in by_month["month_number"]]
    overall["interval"] = INTERVAL_ALL
    both = pd.concat([by_month, overall], ignore_index=True)
    both["breakdown"] = breakdown
    both["group_code"] = [codes[i] for i in both[keys[0]]] if keys else INTERVAL_ALL
    return both[[*CELL, *(f"{q}{suffix}" for q in QUANTILES for suffix in ("", "_low", "_high"))]]


# -- lists ---------------------------------------------------------------------------------------------------------------


def _lists(store: Store, clock: ir.Table) -> pd.DataFrame:
    """Counts by source for `results.list_rows`."""
    feedback, reading, said, response = (
        store.read(name) for name in ("feedback", "reading", "update_reading", "response")
    )
    excluded = reading.filter(reading.exclusion.notnull())
    said = said.filter(said.update_class.notnull())
    closed = clock.filter(clock.closing_reason.notnull())
    lists = (
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
        for name, breakdown, table, group in lists
    ]
    return pd.concat(frames, ignore_index=True)


def _findings(store: Store) -> pd.DataFrame:
    finding = store.read("finding")
    return store.frame(
        finding.group_by("source_id", "finding_code").aggregate(count=finding.row_count.sum())
    )


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
    return found.sort_values(["record_id", "at", "update_id"]).drop_duplicates(["record_id", "source_id"], keep="last")


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
