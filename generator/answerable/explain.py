"""Why the site says of a feedback what it says: every stored decision with the rule that made it.

    explain(store, "portal:4711") -> Explanation

Nothing is decided here anew: what is printed is what is stored, in plain words, with the name of each rule behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir

from answerable import schema
from answerable.errors import UsageError
from answerable.publish.plain_words import Names, names_of, rule_words, value_words
from answerable.store import Store
from answerable.understand.overrides import NOTHING, automatic_decisions

__all__ = ["Decision", "Explanation", "explain"]


@dataclass(frozen=True, slots=True)
class Decision:
    """One stored decision.

    Attributes:
        about: what was decided.
        decided: what it is, as it is stored.
        rule: the rule that decided it, as it is stored.
        words: what it is, in words, where they differ.
        why: why, in words.
    """

    about: str
    decided: str
    rule: str
    words: str = ""
    why: str = ""

    def __str__(self) -> str:
        why = f": {self.why}" if self.why else ""
        return f"{self.words or self.decided}{why}" + (f"  [rule: {self.rule}]" if self.rule else "")


@dataclass(frozen=True, slots=True)
class Explanation:
    """All decisions on one feedback."""

    feedback_id: str
    source_id: str
    record_id: str
    public_title: str
    public_text: str
    decisions: tuple[Decision, ...]

    def __str__(self) -> str:
        lines = [f"{self.source_id}:{self.record_id} (feedback {self.feedback_id})"]
        lines += [f"  {text}" for text in (self.public_title, self.public_text) if text]
        width = max(len(d.about) for d in self.decisions)
        lines += [f"  {d.about:<{width}}  {d}" for d in self.decisions]
        return "\n".join(lines)


def explain(store: Store, name: str) -> Explanation:
    """The decisions on a feedback, named by its feedback_id, by ``source_id:record_id`` or by its address.

    Raises:
        UsageError: no feedback has that name, or it has not been read yet.
    """
    feedback = _find(store, name)
    feedback_id = feedback["feedback_id"]
    readings = _rows(store, "reading", feedback_id)
    if not readings:
        raise UsageError(
            f"{name} was gathered, but not yet read",
            remedy="run `answerable build`, which reads what was gathered",
        )
    reading = readings[0]
    names = names_of(store)
    rule = reading["exclusion_rule"] or ""
    decisions = [
        Decision(
            "counted",
            "yes" if reading["is_counted"] else f"no: {schema.EXCLUSIONS[reading['exclusion']]}",
            rule,
            why=rule_words(rule),
        )
    ]
    if reading["duplicate_of"]:
        decisions.append(Decision("repeats", f"feedback {reading['duplicate_of']}", rule))
    if reading["duplicate_similarity"] is not None:
        kind = rule.partition(":")[2]
        alike = f"{100 * reading['duplicate_similarity']:.0f} % the same, letter by letter"
        decisions.append(Decision("copy", f"{schema.COPIES[kind]}; {alike}", ""))
    if reading["relevance_score"] is not None:
        decisions.append(
            Decision("model", f"{reading['relevance_score']:.2f} feedback", reading["relevance_reason"] or "")
        )
    if reading["lang"]:
        rule = reading["lang_rule"] or ""
        decisions.append(Decision("language", reading["lang"], rule, why=rule_words(rule)))
    decisions += [
        _decided(about, kind, reading[column], reading[rule_column], names)
        for about, kind, column, rule_column in (
            ("wants", "intent", "intent", "intent_rule"),
            ("urgency", "urgency", "urgency", "urgency_rule"),
            ("topic", "topic", "topic_code", "topic_rule"),
            ("agency", "agency", "agency_code", "agency_rule"),
            ("closed because", "closing_reason", "closing_reason", "closing_rule"),
        )
        if reading[column]
    ]
    if reading["topic_score"] is not None and reading["topic_rule"] in {"model", "not-sure"}:
        said = reading["topic_reason"] or "no word alone"
        decisions.append(Decision("topic model", f"{reading['topic_score']:.2f}; {said}", ""))
    decisions += _overruled(reading["automatic"], names)
    decisions += _updates(store, feedback_id, names)
    decisions += _elsewhere(store, feedback_id)
    for row in _rows(store, "issue_feedback", feedback_id):
        issues = store.read("issue")
        issue = _records(store, issues.filter(issues.issue_id == row["issue_id"]))[0]
        decided = f"{row['issue_id']} {issue['public_title']}"
        decisions.append(Decision("issue", decided, row["method"], why=rule_words(row["method"])))
    for row in sorted(_rows(store, "response_feedback", feedback_id), key=lambda r: r["responded_at"]):
        decisions.append(
            Decision(
                "response",
                f"{row['response_id']} at {row['responded_at']:%Y-%m-%d %H:%M}, confidence {row['confidence']:.2f}",
                row["method"],
                why=rule_words(row["method"]),
            )
        )
    return Explanation(
        feedback_id=feedback_id,
        source_id=feedback["source_id"],
        record_id=feedback["record_id"],
        public_title=reading["public_title"] or "",
        public_text=reading["public_text"] or "",
        decisions=tuple(decisions),
    )


def _decided(about: str, kind: str, value: str, rule: str | None, names: Names) -> Decision:
    words, why = value_words(kind, value, names), rule_words(rule)
    return Decision(about, value, rule or "", words=words, why=why)


def _updates(store: Store, feedback_id: str, names: Names) -> list[Decision]:
    read = {row["update_id"]: row for row in _rows(store, "update_reading", feedback_id)}
    decisions = []
    for update in sorted(
        _rows(store, "feedback_update", feedback_id), key=lambda r: (r["at"], r["update_id"])
    ):
        found = read.get(update["update_id"])
        said = found["update_class"] if found else None
        text = f", \u201c{found['public_text']}\u201d" if found and found["public_text"] else ""
        rule = (found["class_rule"] or "") if found else ""
        decisions.append(
            Decision(
                f"{update['at']:%Y-%m-%d %H:%M}",
                f"{update['kind']}: {said}{text}" if said else f"{update['kind']}{text}",
                rule,
                words=f"{update['kind'].replace('_', ' ')}{text}{_says(said)}",
                why=rule_words(rule),
            )
        )
        decisions += _overruled(found["automatic"] if found else None, names)
    return decisions


def _says(update_class: str | None) -> str:
    return f" \u2014 {value_words('update_class', update_class, Names())}" if update_class else ""


def _overruled(automatic: str | None, names: Names) -> list[Decision]:
    """What the program had decided where a person decided."""
    decisions = []
    for name, (value, rule) in automatic_decisions(automatic).items():
        words = value_words(name, value, names)
        if name == "duplicate_of" and value != NOTHING:
            words += f" ({value})"
        said = f"{schema.OVERRIDDEN[name][0].lower()}{schema.OVERRIDDEN[name][1:]}: the program said {words}"
        why = rule_words(rule)
        decisions.append(Decision("overruled", value, rule, words=said, why=why))
    return decisions


def _elsewhere(store: Store, feedback_id: str) -> list[Decision]:
    """What agencies said elsewhere that names it, and what only may be about it."""
    rows = sorted(_rows(store, "update_elsewhere", feedback_id), key=lambda r: (r["at"], r["post_id"]))
    decisions = []
    for row in rows:
        text = f", \u201c{row['public_text']}\u201d" if row["public_text"] else ""
        what = "said elsewhere" if row["is_counted"] else "may be said of it (not counted, waits for review)"
        decisions.append(
            Decision(
                f"{row['at']:%Y-%m-%d %H:%M}",
                f"{what}{text}{_says(row['update_class'])}; in {row['post_name']}, confidence {row['confidence']:.2f}",
                f"{row['method']}, {row['class_rule']}" if row["class_rule"] else row["method"],
                why=rule_words(row["method"]),
            )
        )
    return decisions


def _find(store: Store, name: str) -> dict[str, Any]:
    table = store.read("feedback")
    source_id, _, record_id = name.partition(":")
    is_it = (table.feedback_id == name) | (table.url == name)
    if record_id:
        is_it = is_it | ((table.source_id == source_id) & (table.record_id == record_id))
    found = _records(store, table.filter(is_it).limit(2))
    if not found:
        raise UsageError(
            f"no feedback is called {name}",
            remedy="give a feedback_id (feedback.csv), SOURCE:RECORD as in portal:4711, or the address at the source",
        )
    return found[0]


def _rows(store: Store, table: str, feedback_id: str) -> list[dict[str, Any]]:
    return _records(store, store.read(table).filter(lambda t: t.feedback_id == feedback_id))


def _records(store: Store, expr: ir.Table) -> list[dict[str, Any]]:
    return [row for batch in store.batches(expr) for row in batch.to_pylist()]
