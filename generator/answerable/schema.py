"""Every table and every column, in one place.

From here come the store's checks (required columns, closed lists, keys), the data dictionary page,
``datapackage.json`` and the rule of what is public: a private column cannot reach ``publish/``.

Column names follow one rule each: ``_at`` an instant in UTC, ``_on`` a date, ``_id`` an identifier, ``_code`` a code
from a list, ``_count`` a count, ``_days``/``_minutes`` a duration with its unit, ``is_`` a truth value.

Each table has one writer, the stage named in it; stages meet only in tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

__all__ = [
    "BREAKDOWNS",
    "CHANNELS",
    "CLOSING_REASONS",
    "COPIES",
    "ELSEWHERE_METHODS",
    "EXCLUSIONS",
    "FEEDBACK_KINDS",
    "FINDING_CODES",
    "INTENTS",
    "MISSING_CODE",
    "OVERRIDDEN",
    "RESPONSE_CLASSES",
    "TABLES",
    "TAKEDOWN_REASONS",
    "TIME_PRECISIONS",
    "UPDATE_CLASSES",
    "UPDATE_KINDS",
    "URGENCIES",
    "Column",
    "Table",
    "table",
]

Type = Literal["string", "int64", "float64", "boolean", "timestamp", "date"]
Stage = Literal["lists", "gather", "understand", "measure"]

MISSING_CODE = "unmapped"
"""The code of a value that the site's lists do not know; it raises a finding."""

FEEDBACK_KINDS = ("service_request", "post", "petition", "information_request", "comment")
CHANNELS = (
    "311",
    "web",
    "app",
    "phone",
    "email",
    "social",
    "petition",
    "letter",
    "in_person",
    "other",
    "unknown",
)
TIME_PRECISIONS = ("second", "minute", "day")
UPDATE_KINDS = (
    "opened",
    "acknowledged",
    "replied",
    "status_changed",
    "closed",
    "reopened",
    "confirmed",
    "edited",
)

UPDATE_CLASSES = MappingProxyType(
    {
        "substance": "Says something of substance about what was raised",
        "work_done": "Says that the work was done",
        "acknowledgement": "Says only that the report was received",
        "administrative": "Closed for a reason of procedure: cancelled, duplicate, invalid, closed by a rule",
        "referral": "Passed to another body",
        "deflection": "Asks the person to write elsewhere",
        "answered_privately": "Answered out of public sight",
        "internal": "A note for the agency's own use",
        "unclassified": "Fits no reviewed rule",
    }
)
"""Classes of an update by an agency, with what each means (MEASURES: one list, used by rules, pages and checks)."""

RESPONSE_CLASSES = ("substance", "work_done")
"""The classes that count as a response."""

ELSEWHERE_METHODS = MappingProxyType(
    {
        "reviewed": "A person who read both says that it belongs to this feedback",
        "link-to-feedback": "It holds the address of this feedback",
        "ticket-number": "It names the number of this feedback",
        "link-to-issue": "It holds the address of this feedback's issue on this site",
        "likeness": "It is like it in agency, topic, place, time and words: a proposal, not counted",
    }
)
"""How something that an agency said elsewhere was tied to a feedback, the surest first."""

OVERRIDDEN = MappingProxyType(
    {
        "is_relevant": "Whether it is feedback",
        "duplicate_of": "What it repeats",
        "topic": "Its topic",
        "agency": "The agency responsible",
        "intent": "What it wants",
        "urgency": "How soon somebody should read it",
        "closing_reason": "Why it was closed",
        "update_class": "What kind of thing an agency said",
        "link": "Whether it answers this feedback",
        "merge": "Issues that are one",
        "split": "Feedback that makes an issue of its own",
        "rename": "The title of an issue",
        "pin": "An issue that stands before the others",
        "label": "What a label says of a message (is it feedback?) against rules and model",
    }
)
"""What a person can decide in place of the program."""

CLOSING_REASONS = MappingProxyType(
    {
        "work_done": "Work done",
        "administrative": "Closed by a rule or a procedure",
        "cancelled": "Cancelled",
        "duplicate": "A duplicate of another report",
        "referred": "Passed to another body",
        "unknown": "No reason given in public",
    }
)

TAKEDOWN_REASONS = MappingProxyType(
    {
        "personal_data": "It held somebody's personal data",
        "asked_by_author": "The person who wrote it asked for it",
        "court_order": "A court or an authority ordered it",
        "mistake": "It should never have been gathered",
    }
)
"""Why something was taken down: a closed list, so that a reason never says what it was."""

EXCLUSIONS = MappingProxyType(
    {
        "official": "Written by an official account",
        "part_of_conversation": "A later message of a conversation that is counted once",
        "irrelevant": "Not about a public service: a reviewed rule or the model says so",
        "duplicate": "The same message again",
    }
)
"""Why a feedback is not counted, in the order in which the reasons are tried."""

COPIES = MappingProxyType(
    {
        "": "Sent again",
        "repost": "Passed on",
        "flood": "Sent by ten people or more on one day",
        "brigade": "Sent by ten people or more on one day, most of whom this site saw first in that week",
    }
)
"""Kinds of copies: what stands after the colon of the rule of a duplicate, and what is shown to people."""

INTENTS = MappingProxyType(
    {
        "safety": "Points to a danger of injury",
        "question": "Asks for information",
        "suggestion": "Proposes something",
        "praise": "Praises",
        "complaint": "Complains",
        "report": "Reports a fault, without blame",
    }
)
"""What a feedback wants; where it does two things, the first of this list."""

URGENCIES = MappingProxyType(
    {
        "high": "Danger now, or a person who cannot do without",
        "normal": "A failing that goes on and hinders people",
        "low": "Praise, proposals, general questions, looks and comfort",
    }
)
"""How soon somebody should read a feedback."""

FINDING_CODES = MappingProxyType(
    {
        "row_unreadable": "A row of the file could not be read",
        "record_id_missing": "A row without an identifier",
        "created_at_missing": "No time, or an unreadable one, at which it was raised",
        "time_unreadable": "A time that could not be read",
        "number_unreadable": "A number that could not be read",
        "duplicate_record_id": "Several rows with the same identifier: the last one is kept",
        "identifier_damaged": "An identifier destroyed by a spreadsheet",
        "closed_before_created": "Closed before it was raised",
        "updated_before_created": "Answered before it was raised",
        "impossible_year": "A time in an impossible year",
        "in_the_future": "A time later than the source's own date",
        "status_contradicts_closing": "A closing time on something whose status says open",
        "closed_without_time": "Closed, but the source does not say when",
        "dates_only": "The source gives dates without a time of day: measured in whole days",
        "place_missing": "No place that could be put on the map",
        "place_outside": "Coordinates outside every area",
        "agency_unmapped": "An agency name that the site's list does not know",
        "status_unmapped": "A status that the source's settings do not name",
        "reply_without_parent": "An official reply to a message that the source does not hold",
        "source_failed": "The source could not be read",
        "register_reference_unknown": "A register entry names feedback that no source holds",
        "value_unmapped": "A value that the source's value map does not know",
        "override_unmatched": "A person's decision that matches nothing (any more)",
        "override_expired": "A person's decision that has expired and no longer holds",
    }
)
"""Codes of what can be wrong or odd in data, with the sentence shown to people."""

BREAKDOWNS = MappingProxyType(
    {
        "all": "The whole site",
        "agency": "By agency",
        "topic": "By topic",
        "area": "By area",
        "source": "By source",
        "issue": "By issue",
        "update_class": "By class of update",
        "closing_reason": "By reason of closing",
        "exclusion": "By reason of not being counted",
        "finding": "By source and finding (source/finding)",
        "takedown": "By reason of removal",
        "failure": "By service failure",
        "label": "By class that a person gave and class that the rules gave (person/rules)",
        "agency_class": "By agency and class of update (agency/class)",
        "override": "By what a person decided on",
    }
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    ``type`` is an Ibis type (a ``timestamp`` is always UTC); ``values`` is a closed list that the store enforces.
    """

    name: str
    type: Type
    description: str
    unit: str = ""
    is_required: bool = False
    is_public: bool = True
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns, its key and the one stage that writes it.

    A table with a ``source_id`` and a ``month`` column is kept in partitions by both; one with a ``source_id`` alone,
    by source; any other is one partition.
    """

    name: str
    description: str
    stage: Stage
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """The column of that name; raises ``KeyError`` for an unknown one."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"table {self.name} has no column {name}")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all columns, in order."""
        return tuple(c.name for c in self.columns)

    @property
    def public_names(self) -> tuple[str, ...]:
        """The names of the columns that may be published, in order."""
        return tuple(c.name for c in self.columns if c.is_public)

    @property
    def partition_by(self) -> tuple[str, ...]:
        """The columns whose values name a partition, in order."""
        return tuple(name for name in ("source_id", "month") if name in self.names)


def _id(name: str, description: str, *, is_required: bool = True) -> Column:
    return Column(name, "string", description, is_required=is_required)


def _hidden(name: str, kind: Type, description: str, *, is_required: bool = True) -> Column:
    return Column(name, kind, description, is_required=is_required, is_public=False)


_FEEDBACK_ID = _id("feedback_id", "The feedback: a hash of source_id and record_id, never of content")
_SOURCE_ID = _id("source_id", "The source it comes from")
_MONTH = Column(
    "month",
    "string",
    "The month in which the feedback was raised, in the site's time zone (YYYY-MM)",
    is_required=True,
)
_AGENCY = Column("agency_code", "string", "The public body responsible")
_AREA = Column(
    "area_code", "string", "The place, from the site's boundaries; empty where it could not be placed"
)
_TOPIC = Column("topic_code", "string", "What it is about, from the site's topics")
_AUTOMATIC = Column(
    "automatic",
    "string",
    "Where a person decided otherwise: what the program had decided, a line for each decision",
)

_DECIDED_KEY = Column(
    "decided_key",
    "string",
    "128 bits of a SHA-256 of the words and of the rules that decided",
    is_required=True,
    is_public=False,
)


def _kept(name: str, description: str, type_: Type = "string") -> Column:
    """A column of decisions that are kept for the next build."""
    return Column(name, type_, description, is_public=False)


_TABLES = (
    Table(
        "agency",
        "The public bodies that the site knows",
        "lists",
        ("agency_code",),
        (
            _id("agency_code", "Code of the agency"),
            Column("name", "string", "Name", is_required=True),
            Column("slug", "string", "The last part of its page's address", is_required=True),
            Column("url", "string", "Its own site"),
            Column("accounts", "string", "Its official accounts, separated by spaces"),
            Column("response_target_days", "int64", "Its own target for a response", unit="day"),
            Column(
                "response_target_calendar", "string", "Whether the target counts calendar or working days"
            ),
        ),
    ),
    Table(
        "service",
        "The public services that topics belong to",
        "lists",
        ("service_code",),
        (
            _id("service_code", "Code of the service"),
            Column("name", "string", "Name", is_required=True),
            Column("agency_code", "string", "The agency responsible where a source does not say"),
        ),
    ),
    Table(
        "topic",
        "What feedback can be about",
        "lists",
        ("topic_code",),
        (
            _id("topic_code", "Code of the topic"),
            Column("name", "string", "Name", is_required=True),
            Column("slug", "string", "The last part of its page's address", is_required=True),
            Column("description", "string", "What belongs to it"),
            Column("service_code", "string", "The public service it belongs to", is_required=True),
            Column("agency_code", "string", "The agency responsible where a source does not say"),
        ),
    ),
    Table(
        "area",
        "The places of the site's boundaries",
        "lists",
        ("area_code",),
        (
            _id("area_code", "Code of the area"),
            Column("name", "string", "Name", is_required=True),
            Column("slug", "string", "The last part of its page's address", is_required=True),
        ),
    ),
    Table(
        "source",
        "Where feedback comes from, how fresh it is, and on what terms",
        "gather",
        ("source_id",),
        (
            _SOURCE_ID,
            Column("name", "string", "Name", is_required=True),
            Column("connector", "string", "The code that reads it", is_required=True),
            Column("description", "string", "What it holds"),
            Column("url", "string", "Where it is published"),
            Column("licence", "string", "Licence of the data"),
            Column("licence_url", "string", "Text of the licence"),
            Column("attribution", "string", "How its publisher wants to be named"),
            Column("extract_note", "string", "Why this is an extract and not all there is, in a sentence"),
            Column("update_history", "string", "Whether it keeps every update or only the latest"),
            Column(
                "is_published_by_row", "boolean", "Whether single rows may be published", is_required=True
            ),
            Column("is_rate_published", "boolean", "Whether rates may be computed from it", is_required=True),
            Column("time_precision", "string", "How exact its times are", values=TIME_PRECISIONS),
            Column("as_of_at", "timestamp", "T: the instant up to which it is complete"),
            Column("last_success_at", "timestamp", "When it was last read without an error"),
            Column("is_stale", "boolean", "Whether the newest attempt to read it failed", is_required=True),
            Column(
                "is_complete",
                "boolean",
                "Whether everything there is has been read; if not, the next gather goes on",
                is_required=True,
            ),
            Column("stale_reason", "string", "Why it could not be read, in a sentence"),
            Column("feedback_count", "int64", "Feedback held", is_required=True),
        ),
    ),
    Table(
        "takedown",
        "What was removed because somebody asked for it: when and why, never what it was",
        "gather",
        ("takedown_id",),
        (
            _id("takedown_id", "The removal: a keyed hash that nobody can turn back"),
            _SOURCE_ID,
            Column("removed_on", "date", "When it was removed", is_required=True),
            Column("reason", "string", "Why", is_required=True, values=tuple(TAKEDOWN_REASONS)),
        ),
    ),
    Table(
        "source_run",
        "A receipt for each source at each gather",
        "gather",
        ("run_id", "source_id"),
        (
            _id("run_id", "The gather"),
            _SOURCE_ID,
            Column("started_at", "timestamp", "When it began", is_required=True),
            Column("finished_at", "timestamp", "When it ended", is_required=True),
            Column(
                "result", "string", "How it went", is_required=True, values=("changed", "unchanged", "failed")
            ),
            Column("as_of_at", "timestamp", "T of the source after this run"),
            Column("newest_at", "timestamp", "The newest instant at which feedback was raised"),
            Column("new_count", "int64", "Feedback that was not held before", is_required=True),
            Column("changed_count", "int64", "Feedback whose row changed", is_required=True),
            Column("gone_count", "int64", "Feedback that the source no longer holds", is_required=True),
            Column("feedback_count", "int64", "Feedback held after this run", is_required=True),
            Column("finding_count", "int64", "Rows with something wrong or odd", is_required=True),
            Column("message", "string", "What went wrong, in a sentence"),
            Column(
                "input_digest",
                "string",
                "Digest of the files read and of the source's settings",
                is_public=False,
            ),
        ),
    ),
    Table(
        "feedback",
        "One public message each, as gathered",
        "gather",
        ("feedback_id",),
        (
            _FEEDBACK_ID,
            _SOURCE_ID,
            _id("record_id", "The source's own identifier"),
            _MONTH,
            Column("kind", "string", "What kind of message it is", is_required=True, values=FEEDBACK_KINDS),
            Column("channel", "string", "How it reached the agency", is_required=True, values=CHANNELS),
            Column("agency_code", "string", "The public body that the source names as responsible"),
            Column("service_code", "string", "What was requested, in the source's own words or codes"),
            _AREA,
            Column("latitude", "float64", "Latitude (WGS 84), rounded to three decimals", unit="degree"),
            Column("longitude", "float64", "Longitude (WGS 84), rounded to three decimals", unit="degree"),
            Column("lang", "string", "Language, where the source says (BCP 47)"),
            Column("url", "string", "Its own address at the source"),
            Column("created_at", "timestamp", "When it was raised", is_required=True),
            Column("updated_at", "timestamp", "When the source last changed it"),
            Column("closed_at", "timestamp", "When the source says it was closed"),
            Column(
                "time_precision",
                "string",
                "How exact its times are",
                is_required=True,
                values=TIME_PRECISIONS,
            ),
            Column("status", "string", "The source's own status"),
            Column(
                "closing_reason",
                "string",
                "Why it was closed, where the source says",
                values=tuple(CLOSING_REASONS),
            ),
            Column("support_count", "int64", "People behind it, where the source says", unit="person"),
            Column("threshold_count", "int64", "Signatures at which an answer is due", unit="person"),
            Column("threshold_reached_at", "timestamp", "When an answer became due"),
            Column("conversation_id", "string", "The record that its conversation began with"),
            Column("reply_to_id", "string", "The record it replies to"),
            Column("hashtags", "string", "Hashtags without their sign, lower case, separated by spaces"),
            Column("is_official", "boolean", "Whether an official account wrote it", is_required=True),
            Column("is_repost", "boolean", "Whether it only repeats another message", is_required=True),
            Column("title", "string", "Its title as received", is_public=False),
            Column("text", "string", "Its text as received", is_public=False),
            Column("author_key", "string", "Keyed hash of its author", is_public=False),
            Column(
                "mentions", "string", "Accounts it names, lower case, separated by spaces", is_public=False
            ),
        ),
    ),
    Table(
        "feedback_update",
        "One dated thing that happened to a feedback",
        "gather",
        ("update_id",),
        (
            _id("update_id", "The update: a hash of what happened to which feedback and when"),
            _FEEDBACK_ID,
            _SOURCE_ID,
            _MONTH,
            Column("at", "timestamp", "When it happened", is_required=True),
            Column("kind", "string", "What happened", is_required=True, values=UPDATE_KINDS),
            Column("status", "string", "The source's own status after it"),
            Column("agency_code", "string", "The agency that speaks"),
            Column("answer_id", "string", "The source's identifier of an answer that serves many feedback"),
            Column("url", "string", "Its own address at the source"),
            Column("is_official", "boolean", "Whether an agency did it", is_required=True),
            Column(
                "is_at_latest",
                "boolean",
                "Whether the source keeps only its latest note, so that the true time may be earlier",
                is_required=True,
            ),
            Column("text", "string", "Its text as received", is_public=False),
        ),
    ),
    Table(
        "register_entry",
        "What officials put on the record by hand",
        "gather",
        ("entry_id",),
        (
            _id("entry_id", "The entry"),
            _SOURCE_ID,
            Column(
                "kind", "string", "An answer, or an outcome", is_required=True, values=("answer", "outcome")
            ),
            Column("agency_code", "string", "The agency that speaks", is_required=True),
            Column("responded_at", "timestamp", "When it was put on the record", is_required=True),
            Column("title", "string", "Its title as written", is_required=True, is_public=False),
            Column("text", "string", "Its text as written", is_required=True, is_public=False),
            Column("url", "string", "Where more is said"),
            Column("topic_codes", "string", "Topics it is about, separated by spaces"),
            Column("area_codes", "string", "Areas it is about, separated by spaces"),
            Column("feedback_ids", "string", "Feedback it answers, separated by spaces"),
        ),
    ),
    Table(
        "finding",
        "Something wrong or odd in the data",
        "gather",
        ("finding_id",),
        (
            _id("finding_id", "The finding"),
            _SOURCE_ID,
            Column("finding_code", "string", "What is wrong", is_required=True, values=tuple(FINDING_CODES)),
            Column("record_id", "string", "The source's identifier of the record, where there is one"),
            Column("file_name", "string", "The file, without its folder"),
            Column("line", "int64", "The line in that file, counted from 1"),
            Column("column_name", "string", "The column of the source"),
            Column("row_count", "int64", "How many rows it stands for", is_required=True),
            Column("value", "string", "The value that was found", is_public=False),
        ),
    ),
    Table(
        "reading",
        "What the program understood of a feedback, and why",
        "understand",
        ("feedback_id",),
        (
            _FEEDBACK_ID,
            _SOURCE_ID,
            _MONTH,
            Column("is_counted", "boolean", "Whether it is counted in the measures", is_required=True),
            Column("exclusion", "string", "Why it is not counted", values=tuple(EXCLUSIONS)),
            Column("exclusion_rule", "string", "The rule that decided so"),
            Column("duplicate_of", "string", "The feedback that it repeats"),
            Column(
                "duplicate_similarity",
                "float64",
                "How alike the words of the two are, letter by letter, from 0 to 1 (1: the same words)",
            ),
            Column(
                "relevance_score",
                "float64",
                "How likely the model takes it to be about a public service, from 0 to 1 (posts and comments)",
            ),
            Column(
                "relevance_reason",
                "string",
                "Where the model doubts: what weighed most, words of the public text and cues in brackets",
            ),
            Column(
                "is_judged_relevant",
                "boolean",
                "Whether rules and model take it for feedback (posts and comments); a person's label overrules them",
            ),
            Column(
                "is_labelled_relevant", "boolean", "Whether a person who read it says that it is feedback"
            ),
            Column(
                "is_labelled_by_chance",
                "boolean",
                "Whether it came before that person because chance drew it",
            ),
            Column(
                "is_label_held_out",
                "boolean",
                "Whether that label measures the program: chance drew it, and no model of the site was made with it",
            ),
            Column("lang", "string", "Its language (BCP 47); und where nobody can tell"),
            Column("lang_rule", "string", "The rule that decided the language"),
            Column("intent", "string", "What it wants, where it is counted", values=tuple(INTENTS)),
            Column("intent_rule", "string", "The rule that decided what it wants"),
            Column(
                "urgency",
                "string",
                "How soon somebody should read it, where it is counted",
                values=tuple(URGENCIES),
            ),
            Column("urgency_rule", "string", "The rule that decided the urgency"),
            Column("topic_code", "string", "What it is about, from the site's topics", is_required=True),
            Column("topic_rule", "string", "The rule that decided the topic", is_required=True),
            Column(
                "topic_score",
                "float64",
                "How likely the site's model takes the likeliest topic to be, from 0 to 1, where it was asked",
            ),
            Column(
                "topic_reason",
                "string",
                "What weighed most with that model, words of the public text; where it is not sure, the likeliest",
            ),
            Column(
                "judged_topic_code", "string", "The topic by rules and model, where a label overrules them"
            ),
            Column(
                "judged_intent", "string", "What it wants by rules and model, where a label overrules them"
            ),
            Column(
                "judged_urgency", "string", "The urgency by rules and model, where a label overrules them"
            ),
            Column("agency_code", "string", "The public body responsible", is_required=True),
            Column("agency_rule", "string", "The rule that decided the agency", is_required=True),
            Column(
                "closing_reason", "string", "Why it was closed, where it was", values=tuple(CLOSING_REASONS)
            ),
            Column("closing_rule", "string", "The rule that decided the reason of closing"),
            Column("public_title", "string", "Its title with personal data taken out"),
            Column("public_text", "string", "Its text with personal data taken out"),
            Column("redaction_count", "int64", "Pieces of personal data taken out", is_required=True),
            _AUTOMATIC,
        ),
    ),
    Table(
        "sketch",
        "What of a message's words is compared to find copies: hashes, from which no word can be read",
        "understand",
        ("feedback_id",),
        (
            _hidden("feedback_id", "string", "The feedback"),
            _hidden("source_id", "string", "The source it comes from"),
            _hidden("month", "string", "The month in which it was raised"),
            _hidden("created_at", "timestamp", "When it was raised"),
            _hidden("row_key", "int64", "Equal as long as nothing has changed that its sketch is made of"),
            _hidden("is_by_anybody", "boolean", "Whether another person may repeat it, or its author alone"),
            _hidden(
                "is_passed_on", "boolean", "Whether it says of itself that it only passes on another one"
            ),
            _hidden("same_key", "int64", "Equal for messages that repeat each other's very words"),
            _hidden("near_key", "int64", "Equal for texts whose sketch is the same", is_required=False),
            *(
                _hidden(f"bands_{n}", "int64", "Equal numbers make texts worth comparing", is_required=False)
                for n in range(1, 7)
            ),
        ),
    ),
    Table(
        "spelling_word",
        "How the site's oldest texts write a word: kept, so that they are read once",
        "understand",
        ("word", "spelling"),
        (
            _hidden("word", "string", "The word, in small letters"),
            _hidden("spelling", "string", "small, often or also, as in the program's Spelling"),
        ),
    ),
    Table(
        "near_copy",
        "Which message nearly repeats which: for the first message with just these words",
        "understand",
        ("feedback_id",),
        (
            _hidden("feedback_id", "string", "The feedback"),
            _hidden("source_id", "string", "The source it comes from"),
            _hidden("month", "string", "The month in which it was raised"),
            _hidden("near_of", "string", "The feedback that it nearly repeats"),
            _hidden("similarity", "float64", "How alike the two are, letter by letter, from 0 to 1"),
        ),
    ),
    Table(
        "update_reading",
        "What the program understood of an update, and why",
        "understand",
        ("update_id",),
        (
            _id("update_id", "The update"),
            _FEEDBACK_ID,
            _SOURCE_ID,
            _MONTH,
            Column(
                "update_class",
                "string",
                "What kind of thing an agency said; empty where it said nothing",
                values=tuple(UPDATE_CLASSES),
            ),
            Column("class_rule", "string", "The rule that decided the class"),
            Column("public_text", "string", "Its text with personal data taken out"),
            Column("redaction_count", "int64", "Pieces of personal data taken out", is_required=True),
            _AUTOMATIC,
        ),
    ),
    Table(
        "kept_reading",
        "What was decided of the words of feedback, kept so that the same words need not be read again",
        "understand",
        ("source_id", "month", "decided_key"),
        (
            _SOURCE_ID,
            _MONTH,
            _DECIDED_KEY,
            _kept("text_topic", "The topic that the words speak of"),
            _kept("text_rule", "The rule that says so"),
            _kept("topic_score", "How likely the site's model takes the likeliest topic to be", "float64"),
            _kept("topic_reason", "What weighed most with that model"),
            _kept("irrelevance_rule", "The reviewed rule that takes it for no feedback"),
            _kept("own_title", "The title with personal data taken out"),
            _kept("own_text", "The text with personal data taken out"),
            _kept("taken_out", "Pieces of personal data taken out", "int64"),
            _kept("read_lang", "The language (BCP 47)"),
            _kept("lang_rule", "The rule that decided the language"),
            _kept("relevance_score", "How likely the model takes it to be about a public service", "float64"),
            _kept("relevance_reason", "Where the model doubts: what weighed most"),
            _kept("model_rule", "The rule of exclusion, where the model takes it for no feedback"),
            _kept("intent", "What it wants"),
            _kept("intent_rule", "The rule that decided what it wants"),
            _kept("urgency", "How soon somebody should read it"),
            _kept("urgency_rule", "The rule that decided the urgency"),
        ),
    ),
    Table(
        "kept_update_reading",
        "What was decided of the words of updates, kept so that the same words need not be read again",
        "understand",
        ("source_id", "month", "decided_key"),
        (
            _SOURCE_ID,
            _MONTH,
            _DECIDED_KEY,
            _kept("rule_class", "The class that the rules give"),
            _kept("rule_id", "The rule that decided it"),
            _kept("closing_reason", "The reason of a closing that the words give"),
            _kept("own_text", "The text with personal data taken out"),
            _kept("taken_out", "Pieces of personal data taken out", "int64"),
        ),
    ),
    Table(
        "update_elsewhere",
        "What agencies said elsewhere and which feedback it belongs to; proposals that wait for review, too",
        "understand",
        ("elsewhere_id",),
        (
            _id("elsewhere_id", "The link: a hash of what was said and the feedback"),
            _FEEDBACK_ID,
            _SOURCE_ID,
            _MONTH,
            _id("post_id", "What was said: the feedback_id of the official post"),
            _id("post_source_id", "The source of that post"),
            _id("post_name", "That post as SOURCE:RECORD"),
            Column("at", "timestamp", "When it was said", is_required=True),
            Column("agency_code", "string", "The agency that speaks"),
            Column(
                "update_class",
                "string",
                "What kind of thing it says; empty where it says nothing",
                values=tuple(UPDATE_CLASSES),
            ),
            Column("class_rule", "string", "The rule that decided the class"),
            Column(
                "method",
                "string",
                "How the two were linked",
                is_required=True,
                values=tuple(ELSEWHERE_METHODS),
            ),
            Column("confidence", "float64", "How sure the link is, from 0 to 1", is_required=True),
            Column("is_reviewed", "boolean", "Whether a person confirmed the link", is_required=True),
            Column(
                "is_counted",
                "boolean",
                "Whether it counts in the measures; a proposal does not",
                is_required=True,
            ),
            Column(
                "is_reply",
                "boolean",
                "Whether the post is also an update of the feedback that it replies to",
                is_required=True,
            ),
            _id("response_id", "The response that it is, if its class makes it one"),
            Column("public_text", "string", "Its text with personal data taken out"),
            Column("lang", "string", "Language, where the source says (BCP 47)"),
            Column("url", "string", "Its own address at the source"),
        ),
    ),
    Table(
        "override",
        "Decisions that people made in place of the program: about what, why, who, since when",
        "understand",
        ("override_id",),
        (
            _id("override_id", "The decision: a hash of what it is about and what it decides"),
            Column(
                "about",
                "string",
                "What it is about",
                is_required=True,
                values=("feedback", "update", "link", "issue"),
            ),
            Column(
                "about_name",
                "string",
                "Which one, as SOURCE:RECORD or by its identifier; empty where it is not held (any more), or of a "
                "source that does not publish its rows",
            ),
            Column("about_source_id", "string", "The source of that feedback, where it is known"),
            Column(
                "about_id", "string", "The feedback or the issue that it is about, by its id", is_public=False
            ),
            Column(
                "other_id",
                "string",
                "The feedback that is named beside it: what it repeats, the post that answers it",
                is_public=False,
            ),
            Column("decision", "string", "What is decided", is_required=True, values=tuple(OVERRIDDEN)),
            Column("from_value", "string", "What the program had decided, with its rule"),
            Column("to_value", "string", "What the person decided"),
            Column(
                "reason", "string", "Why, in that person's words; empty where it matches nothing (any more)"
            ),
            Column("reviewer", "string", "Who decided", is_required=True),
            Column("reviewed_on", "date", "Since when", is_required=True),
            Column("expires_on", "date", "The first day on which it no longer holds; empty where it stays"),
            Column(
                "is_matched",
                "boolean",
                "Whether what it is about is (still) there",
                is_required=True,
            ),
            Column("is_expired", "boolean", "Whether it no longer holds", is_required=True),
        ),
    ),
    Table(
        "response",
        "An answer of substance by an agency",
        "understand",
        ("response_id",),
        (
            _id("response_id", "The response"),
            _SOURCE_ID,
            Column("agency_code", "string", "The agency that speaks"),
            Column("responded_at", "timestamp", "When it was first given", is_required=True),
            Column(
                "update_class",
                "string",
                "What kind of thing it says",
                is_required=True,
                values=RESPONSE_CLASSES,
            ),
            Column("public_title", "string", "Its title with personal data taken out"),
            Column("public_text", "string", "Its text with personal data taken out"),
            Column("url", "string", "Its own address at the source"),
            Column("feedback_count", "int64", "Feedback it answers", is_required=True),
        ),
    ),
    Table(
        "response_feedback",
        "Which response answers which feedback",
        "understand",
        ("response_id", "feedback_id"),
        (
            _id("response_id", "The response"),
            _FEEDBACK_ID,
            _SOURCE_ID,
            _MONTH,
            Column("responded_at", "timestamp", "When this feedback was answered by it", is_required=True),
            Column(
                "method",
                "string",
                "How the two were linked",
                is_required=True,
                values=(
                    "note",
                    "reply",
                    "answer",
                    "register",
                    "ticket-number",
                    "link-to-feedback",
                    "link-to-issue",
                    "reviewed",
                ),
            ),
            Column("confidence", "float64", "How sure the link is, from 0 to 1", is_required=True),
            Column("is_reviewed", "boolean", "Whether a person confirmed the link", is_required=True),
        ),
    ),
    Table(
        "outcome",
        "What changed because of what people raised",
        "understand",
        ("outcome_id",),
        (
            _id("outcome_id", "The outcome"),
            Column("agency_code", "string", "The agency that speaks", is_required=True),
            Column("happened_at", "timestamp", "When it was put on the record", is_required=True),
            Column("public_title", "string", "Its title with personal data taken out", is_required=True),
            Column("public_text", "string", "Its text with personal data taken out", is_required=True),
            Column("url", "string", "Where more is said"),
            Column("topic_codes", "string", "Topics it is about, separated by spaces"),
            Column("area_codes", "string", "Areas it is about, separated by spaces"),
        ),
    ),
    Table(
        "issue",
        "Feedback about the same underlying problem, grouped",
        "understand",
        ("issue_id",),
        (
            _id("issue_id", "The issue"),
            Column("slug", "string", "The last part of its page's address", is_required=True),
            Column(
                "kind",
                "string",
                "How it was grouped",
                is_required=True,
                values=("petition", "conversation", "place", "meaning"),
            ),
            Column("public_title", "string", "Its title", is_required=True),
            Column("topic_code", "string", "What it is about", is_required=True),
            Column("agency_code", "string", "The agency responsible for most of it", is_required=True),
            _AREA,
            Column("first_at", "timestamp", "When it was first raised", is_required=True),
            Column("last_at", "timestamp", "When it was last raised", is_required=True),
            Column(
                "feedback_count",
                "int64",
                "Feedback in it that is counted; not published of a source that hides its rows",
            ),
            Column("has_page", "boolean", "Whether it has a page of its own", is_required=True),
            Column(
                "key_terms",
                "string",
                "Words that at least three people used and that tell it from other issues, separated by spaces",
            ),
            Column("is_pinned", "boolean", "Whether people decided that it stands before the others"),
            Column(
                "title_key",
                "string",
                "A hash of what its title was made of and of the rules that made it",
                is_public=False,
            ),
        ),
    ),
    Table(
        "issue_address",
        "Every address at which an issue was ever published, and which issue answers there now",
        "understand",
        ("slug",),
        (
            Column("slug", "string", "The last part of the address", is_required=True),
            _id("issue_id", "The issue that answers there now"),
            _id("first_issue_id", "The issue that it was made for"),
            Column("first_on", "date", "The date of the data when it was first published", is_required=True),
            Column(
                "is_current",
                "boolean",
                "Whether it is that issue's own address; any other leads on to it",
                is_required=True,
            ),
            Column(
                "worded_by_id", "string", "The feedback whose words it is made of, if it is", is_public=False
            ),
        ),
    ),
    Table(
        "issue_change",
        "Issues that became one, and issues that were divided",
        "understand",
        ("issue_id", "change", "other_issue_id"),
        (
            _id("issue_id", "The issue that remains, or the new one"),
            Column(
                "change",
                "string",
                "Whether the other became part of it, or it was a part of the other",
                is_required=True,
                values=("merge", "split"),
            ),
            _id("other_issue_id", "The other issue"),
            Column("changed_on", "date", "The date of the data when it came about", is_required=True),
            Column(
                "is_decided", "boolean", "Whether people decided it; else more feedback did", is_required=True
            ),
        ),
    ),
    Table(
        "issue_candidate",
        "What grouping needs of each counted feedback: kept, so that a month is read once",
        "understand",
        ("feedback_id",),
        (
            _hidden("feedback_id", "string", "The feedback"),
            _hidden("source_id", "string", "The source it comes from"),
            _hidden("month", "string", "The month in which it was raised"),
            _hidden("kind", "string", "What it is"),
            _hidden("created_at", "timestamp", "When it was raised"),
            _hidden("author_key", "string", "A keyed hash of its author", is_required=False),
            _hidden("support_count", "int64", "People who support it", is_required=False),
            _hidden("topic_code", "string", "Its topic"),
            _hidden("agency_code", "string", "The agency that is responsible"),
            _hidden("area_code", "string", "The area that its source gives", is_required=False),
            _hidden(
                "named_area", "string", "The area that its text names, where none is given", is_required=False
            ),
            _hidden(
                "streets", "string", "The streets that its text names, where no area is", is_required=False
            ),
            _hidden("has_words", "boolean", "Whether its text says something"),
            _hidden("said", "string", "Equal for what says the same in title and text", is_required=False),
            _hidden("public_title", "string", "Its title with personal data taken out", is_required=False),
            _hidden("public_text", "string", "How its text begins", is_required=False),
            _hidden("redaction_count", "int64", "Pieces of personal data taken out"),
            _hidden("is_row_public", "boolean", "Whether its source's rows may be published"),
        ),
    ),
    Table(
        "issue_cell",
        "Which texts say the same within a month and a topic: kept, so that a month is read once",
        "understand",
        ("feedback_id",),
        (
            _FEEDBACK_ID,
            _SOURCE_ID,
            _MONTH,
            Column("cell", "string", "What its texts have in common: topic and place", is_required=True),
            _id("cluster_id", "The group"),
            Column(
                "rank", "int64", "How central it is: 0 is the most central of its group", is_required=True
            ),
            Column(
                "middle", "string", "Of the most central: the middle of the group, as numbers of features"
            ),
        ),
    ),
    Table(
        "issue_feedback",
        "Which feedback belongs to which issue",
        "understand",
        ("feedback_id",),
        (
            _FEEDBACK_ID,
            _SOURCE_ID,
            _MONTH,
            _id("issue_id", "The issue"),
            Column("method", "string", "The rule that grouped it", is_required=True),
            Column(
                "base_issue_id",
                "string",
                "The issue that it would be in without decisions of people",
                is_public=False,
            ),
        ),
    ),
    Table(
        "clock",
        "One row for each counted feedback: when it was raised, acknowledged, answered and closed",
        "measure",
        ("feedback_id",),
        (
            _FEEDBACK_ID,
            _SOURCE_ID,
            _MONTH,
            Column("agency_code", "string", "The public body responsible", is_required=True),
            Column("topic_code", "string", "What it is about", is_required=True),
            _AREA,
            Column("created_at", "timestamp", "When it was raised", is_required=True),
            Column("as_of_at", "timestamp", "T of its source: nothing later is known", is_required=True),
            Column("support_count", "int64", "People behind it, where the source says", unit="person"),
            Column(
                "acknowledged_at", "timestamp", "First update by an agency, of any class, closing included"
            ),
            Column("responded_at", "timestamp", "First response"),
            Column("closed_at", "timestamp", "Last change to a closed state, unless reopened since"),
            Column("confirmed_at", "timestamp", "When the person said that it is fixed"),
            Column(
                "is_time_possible",
                "boolean",
                "Whether its times can be right; if not, it is left out of rates and of the clock of the response",
                is_required=True,
            ),
            Column(
                "is_response_expected",
                "boolean",
                "Whether it counts in the measures of response",
                is_required=True,
            ),
            Column(
                "is_rate_published", "boolean", "Whether its source may be used for rates", is_required=True
            ),
            Column(
                "response_start_at",
                "timestamp",
                "Where the clock of the response starts; empty where unknown",
            ),
            Column("response_minutes", "int64", "From there to the first response, or to T", unit="minute"),
            Column("known_minutes", "int64", "From there to T", unit="minute"),
            Column(
                "closing_minutes",
                "int64",
                "From being raised to closing, or to T; empty where the closing cannot be right",
                unit="minute",
            ),
            Column(
                "closing_reason",
                "string",
                "Why it was closed; empty where it was not closed by T",
                values=tuple(CLOSING_REASONS),
            ),
        ),
    ),
    Table(
        "failure",
        "Where unusually many people raised the same thing: from when to when, and on what evidence",
        "measure",
        ("failure_id",),
        (
            _id("failure_id", "The failure: the same from build to build"),
            Column(
                "topic_code",
                "string",
                "What it is about; empty where several topics of an agency rose together",
            ),
            Column("area_code", "string", "Where, if it is one area"),
            Column(
                "area_codes",
                "string",
                "The areas it is counted in, separated by spaces; empty for everywhere",
            ),
            Column("agency_code", "string", "The public body responsible for most of it", is_required=True),
            Column("started_on", "date", "Its first day", is_required=True),
            Column("noticed_on", "date", "The first day on which the counts up to it tell", is_required=True),
            Column("last_on", "date", "Its last day, as far as is known", is_required=True),
            Column("ended_on", "date", "The same; empty while it lasts where the data end"),
            Column(
                "people_count",
                "int64",
                "People who raised it; of messages whose author nobody knows, each counts as one",
                unit="person",
                is_required=True,
            ),
            Column("feedback_count", "int64", "Feedback raised in it", is_required=True),
            Column(
                "expected_count",
                "float64",
                "How many people were to be expected on those days",
                unit="person",
                is_required=True,
            ),
            Column(
                "z",
                "float64",
                "How many usual swings its strongest day or week lay above that",
                is_required=True,
            ),
            Column("evidence", "string", "How it was decided", is_required=True),
            Column("answered_count", "int64", "Feedback of it that has a response", is_required=True),
            Column("is_answered", "boolean", "Whether half of it has a response", is_required=True),
            Column("answered_on", "date", "The day by which half of it had a response"),
            Column("issue_id", "string", "The issue with a page that holds most of it"),
            Column(
                "is_copied_text",
                "boolean",
                "Whether one copied text made it: then it is no failure, and shown nowhere else",
                is_required=True,
            ),
        ),
    ),
    Table(
        "measure_result",
        "Every number that the site shows",
        "measure",
        ("measure", "interval", "breakdown", "group_code"),
        (
            Column("measure", "string", "What is measured", is_required=True),
            Column("method_version", "string", "Version of its definition", is_required=True),
            Column(
                "interval",
                "string",
                "`all`, the month in which it was raised (YYYY-MM), or a day of a service failure (YYYY-MM-DD)",
                is_required=True,
            ),
            Column(
                "breakdown", "string", "What it is broken down by", is_required=True, values=tuple(BREAKDOWNS)
            ),
            Column(
                "group_code",
                "string",
                "The group of the breakdown (`all` for the whole site)",
                is_required=True,
            ),
            Column("value", "float64", "The number; empty where it cannot or may not be given"),
            Column("low", "float64", "Lower bound of its 95 % interval"),
            Column("high", "float64", "Upper bound of its 95 % interval"),
            Column("numerator", "int64", "What was counted"),
            Column("denominator", "int64", "Out of how many"),
            Column("unit", "string", "Unit of value, low and high", is_required=True),
            Column(
                "is_not_reached",
                "boolean",
                "So many are still waiting that this quantile is not reached",
                is_required=True,
            ),
            Column("is_too_few", "boolean", "Fewer than 10 in the denominator: not shown", is_required=True),
            Column("is_suppressed", "boolean", "Hidden to protect people: not zero", is_required=True),
        ),
    ),
)

TABLES = MappingProxyType({t.name: t for t in _TABLES})
"""Every table by its name."""


def table(name: str) -> Table:
    """The table of that name; raises ``KeyError`` for an unknown one."""
    return TABLES[name]
