"""What the program understands of what was gathered: the whole of it, top to bottom.

    understand(store, settings)

First what needs all months at once (conversations and repetitions), by identifiers and hashes alone. Then, month by
month, each update's class and each feedback's topic, agency, reason of closing and public text. Then the groups:
responses and issues. A month whose inputs and rules are what they were is not read again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from answerable.understand.issue_decisions import ISSUES_FILE, read_issue_decisions
from answerable.understand.issue_records import present_date
from answerable.understand.issues import write_issues
from answerable.understand.months import (
    SHARED_INPUTS,
    all_months,
    batches,
    inputs_by_month,
    read_months,
    words_ahead,
)
from answerable.understand.near import find_copies, known_words
from answerable.understand.overrides import write_override_log
from answerable.understand.privacy import redact
from answerable.understand.relevance import conversation_parts, copies
from answerable.understand.responses import write_outcomes, write_responses
from answerable.understand.site_rules import digest_of, site_rules
from answerable.understand.spelling import keep_spelling
from answerable.understand.texts import keep, scratch
from answerable.understand.workers import deciders

if TYPE_CHECKING:
    from collections.abc import Callable

    from answerable.settings import Settings
    from answerable.store import Store
    from answerable.understand.privacy import PrivacyContext

__all__ = ["understand"]

log = logging.getLogger(__name__)

_GROUP_INPUTS = ("feedback", "feedback_update", "reading", "update_reading", "register_entry", "area")


def understand(store: Store, settings: Settings) -> None:
    """Write reading, update_reading, response, response_feedback, outcome, issue and issue_feedback.

    With nothing changed since the last time nothing is done.

    Raises:
        SettingsError: a rule file is wrong.
    """
    rules = site_rules(store, settings)
    decided = read_issue_decisions(settings.lookup(ISSUES_FILE))
    on = present_date(store)
    said = "\x1f".join(f"{decision.model_dump_json()} {decision.is_expired(on)}" for decision in decided)
    spelling = rules.words.people.spelling
    gathered = digest_of(
        rules.digest,
        rules.overrides.digest,
        said,
        settings.site.url,
        store.digest("feedback", "feedback_update", "register_entry", *SHARED_INPUTS),
    )
    if store.mark("understand") == gathered:
        log.info("understood already")
        return
    keep_spelling(store, rules.learned)
    with scratch(store) as folder:
        parts = keep(store, conversation_parts(store.read("feedback")), folder / "parts.parquet")
        with deciders(rules.known, rules.words) as decide_words:
            ahead = words_ahead(store, rules, decide_words, folder)
            repeats = find_copies(
                store,
                parts,
                known=known_words(rules.words.people, rules.accounts),
                accounts=frozenset(rules.accounts),
                folder=folder,
            )
            repeats = keep(store, repeats, folder / "copies.parquet")
            repeats = keep(store, copies(store.read("feedback"), repeats), folder / "repeats.parquet")
            inputs = inputs_by_month(store, rules, parts, repeats)
            stale = [month for month, digest in inputs.items() if store.mark(f"understand:{month}") != digest]
            decided_ahead = ahead() if ahead and stale else None
            for months in batches(store, stale):
                with scratch(store) as steps, store.transaction():
                    read_months(
                        store,
                        settings,
                        rules,
                        decide_words,
                        steps,
                        parts=parts,
                        repeats=repeats,
                        months=months,
                        ahead=decided_ahead,
                    )
                    for month in months:
                        store.set_mark(f"understand:{month}", inputs[month])
        groups = digest_of(
            rules.digest, rules.overrides.digest, said, settings.site.url, store.digest(*_GROUP_INPUTS)
        )
        with store.transaction():
            if store.mark("understand:groups") != groups:
                portions = batches(store, all_months(store))
                say = _redactor(rules.words.agencies)
                write_outcomes(store, say)
                of_issues = write_issues(
                    store,
                    settings,
                    folder,
                    parts=parts,
                    batches=portions,
                    redact=_redactor(rules.words.people),
                    rules=rules.words_digest,
                    small=() if spelling is None else spelling.small,
                    decisions=decided,
                )
                # An official post may name an issue by the address of its page.
                write_responses(store, settings, rules, folder, batches=portions, redact=say)
                write_override_log(store, settings, rules.overrides, of_issues.standings, say)
                store.set_mark("understand:groups", groups)
            card = rules.words.readers.relevance.card
            store.set_mark("relevance_threshold", str(card.threshold))
            store.set_mark("relevance_trained", str(card.label_count))
            of_topics = rules.words.topic_model
            store.set_mark("topic_model", "" if of_topics is None else of_topics.card.summary())
            store.set_mark("understand", gathered)


def _redactor(context: PrivacyContext) -> Callable[[str], str]:
    return lambda text: redact(text, context).text
