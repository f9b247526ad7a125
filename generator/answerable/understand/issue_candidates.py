"""What grouping needs of each counted feedback: read once for each month, and kept from build to build.

What is asked of a text here (which area it names, which streets) depends on nothing but that text, the rules and the
site's lists. Where those streets lie is learned from all texts, and asked anew in every build
(`answerable.understand.named_streets`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from answerable.hashes import text_hash
from answerable.understand.named_areas import with_named_area
from answerable.understand.named_streets import streets_named
from answerable.understand.site_rules import digest_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from answerable.settings import Settings
    from answerable.store import Store

__all__ = ["TITLE_LENGTH", "write_candidates"]

TITLE_LENGTH = 80
"""Characters of a text that become a title, at most."""


def write_candidates(
    store: Store,
    settings: Settings,
    batches: Sequence[Sequence[str]],
    *,
    small: Collection[str],
    rules: str,
) -> None:
    """Bring the table ``issue_candidate`` up to date, in the open transaction.

    Args:
        store: with feedback, reading and area as they now are.
        settings: for whether a source's rows may be published.
        batches: all months, in the portions in which rows are read and written.
        small: words that the site's texts write small: no names of areas.
        rules: a digest of the program and of all that decides on words, ``small`` among it.
    """
    shown = sorted(source.id for source in settings.sources if source.publish_rows)
    for months in batches:
        digests = {
            month: digest_of(
                rules, *shown, store.digest("area"), store.digest("feedback", "reading", month=month)
            )
            for month in months
        }
        stale = [month for month in months if store.mark(f"candidates:{month}") != digests[month]]
        if stale:
            store.write("issue_candidate", _candidates(store, stale, shown, small), months=stale)
        for month in stale:
            store.set_mark(f"candidates:{month}", digests[month])


def _candidates(
    store: Store, months: Sequence[str], shown: Sequence[str], small: Collection[str]
) -> ir.Table:
    """The rows of ``issue_candidate`` for some months."""
    reading = store.read("reading", months=months)
    reading = reading.filter(reading.is_counted).select(
        "feedback_id", "topic_code", "agency_code", "public_title", "public_text", "redaction_count"
    )
    feedback = store.read("feedback", months=months)
    rows = feedback.select(
        "feedback_id",
        "source_id",
        "month",
        "kind",
        "area_code",
        "created_at",
        "author_key",
        "support_count",
        is_row_public=feedback.source_id.isin(shown),
    ).inner_join(reading, "feedback_id")
    nothing = ibis.null("string")
    title, text = rows.public_title.fill_null(""), rows.public_text.fill_null("")
    # What a petition asks for is in its title; its reasons may name many a place. A request's title is made of its
    # topic.
    said = ibis.cases(
        (rows.kind == "petition", title),
        (rows.kind == "service_request", text),
        else_=title + " . " + text,
    )
    unplaced = rows.area_code.isnull() & (said != "")
    rows = with_named_area(store, rows.mutate(asked=unplaced.ifelse(said, nothing)), ibis._.asked, small)
    return rows.mutate(
        streets=streets_named(rows.named_area.isnull().ifelse(rows.asked, nothing)),
        has_words=text != "",
        said=(text != "").ifelse(text_hash(title + "\n" + text).cast("string"), nothing),
        # A little more than a title holds, so that it is seen whether something was cut off.
        public_text=rows.public_text.substr(0, 3 * TITLE_LENGTH),
        author_key=rows.is_row_public.ifelse(nothing, rows.author_key),
    ).drop("asked")
