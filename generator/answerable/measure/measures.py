"""What is measured: every definition, in one place.

The method page prints these, the stage computes them, and ``measure_result`` carries the version. Whoever
changes what a number means changes ``METHOD_VERSION``.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

__all__ = [
    "INTERVAL_ALL",
    "MAIN_BREAKDOWNS",
    "MEASURES",
    "METHOD_VERSION",
    "QUANTILES",
    "RESPONSE_WITHIN_DAYS",
    "UNPLACED",
    "Measure",
    "measure_named",
]

METHOD_VERSION = "1"
"""Version of the definitions below."""

INTERVAL_ALL = "all"
"""The interval that holds everything; every other interval is a month (YYYY-MM)."""

UNPLACED = "unplaced"
"""The group of the breakdown ``area`` for feedback without a place."""

MAIN_BREAKDOWNS = ("all", "agency", "topic", "area", "source")
"""The breakdowns of the measures that are computed for every month."""

RESPONSE_WITHIN_DAYS = (7, 28, 90)
"""The N of "responded within N days"."""

QUANTILES = MappingProxyType({"median": 0.5, "p90": 0.1})
"""The share that is still waiting at a quantile of a duration, by the first part of the measure's name."""

Form = Literal["count", "rate", "duration"]
Direction = Literal["higher", "lower", "neither"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """The definition of one measure, in words that a citizen can read.

    Attributes:
        name: its name in ``measure_result``.
        title: what it is called on a page.
        definition: what it says, in a sentence or two.
        numerator: what is counted (the events, for a duration).
        denominator: out of what; empty for a count.
        clock: where the time starts and ends; empty where no time is measured.
        leaves_out: what is not in it, and why.
        unit: unit of value, low and high.
        form: whether it is a count, a rate (a share from 0 to 1) or a duration (in days).
        breakdowns: the breakdowns for which it is computed.
        is_monthly: whether it is computed for every month, or for everything together only.
        is_stock: whether a month's row is a state at the month's end (all others are about what was raised
            in the month).
        better: which direction is better for the people who wait.
    """

    name: str
    title: str
    definition: str
    unit: str
    form: Form
    numerator: str = ""
    denominator: str = ""
    clock: str = ""
    leaves_out: str = ""
    breakdowns: tuple[str, ...] = MAIN_BREAKDOWNS
    is_monthly: bool = True
    is_stock: bool = False
    better: Direction = "neither"


_UNCOUNTED = (
    "Messages by official accounts, later messages of a conversation, messages that a reviewed rule or the "
    "model calls irrelevant, and duplicates are never counted; how many there are is published beside."
)
_IMPOSSIBLE = (
    "Feedback whose times cannot be right (answered, acknowledged or closed before it was raised, closed in "
    "an impossible year) is left out; it stays in the number raised."
)
_NO_RATES = "Sources that hold only a selection (such as: only what was answered) are left out."
_SELECTED = (
    "A source that holds only a selection (such as: only what was answered) is shown by itself, and is not "
    "mixed with others."
)
_WILSON = "Its interval is Wilson's, 95 % (z = 1.96)."
_CENSORED = (
    "Whoever still waits counts as waiting up to the source's date (Kaplan-Meier), so that a young case "
    "does not look like a fast one. Its interval is Brookmeyer and Crowley's, with log-log bands, 95 %."
)
_RESPONSE_CLOCK = (
    "From being raised (a petition: from the day it reached the number of signatures at which an answer is "
    "due) to the first response, or to the source's date; in whole minutes, or in whole days where the "
    "source gives dates only."
)
_EXPECTED = (
    "feedback raised; of petitions only those that reached the number of signatures at which an answer is "
    "due, or were answered all the same (none where that number is not known)"
)
_NO_START = "Petitions of which nobody knows when they reached their threshold have no clock."
_RESPONSE = (
    "A response is an update by an agency that says something of substance, or that the work was done. "
    "Automatic acknowledgements, referrals, notes of procedure and the like are none."
)


_UNUSUAL = (
    "What one copied text made; what fewer than three people made; sources that do not publish their rows, that hold "
    "only a selection, or that were not read to their end; days after a source's date."
)
_FAILURE_PEOPLE = (
    "Distinct people who raised something on the days of a failure, where a source tells them apart; of messages "
    "whose author nobody knows, each counts as one."
)


def _within(days: int) -> Measure:
    return Measure(
        name=f"response_rate_{days}d",
        title=f"Share answered within {days} days",
        definition=(
            f"Of what has been waiting for at least {days} days: the share that got a response within {days} "
            f"days. {_WILSON}"
        ),
        numerator=f"those that got a response within {days} days",
        denominator=f"{_EXPECTED}; raised at least {days} days before the source's date",
        clock=_RESPONSE_CLOCK,
        leaves_out=f"{_IMPOSSIBLE} {_NO_RATES} {_NO_START} Blank while nothing is old enough.",
        unit="share",
        form="rate",
        better="higher",
    )


def _duration(prefix: str, share: str, event: str) -> Measure:
    is_response = event == "first_response"
    what = "its first response" if is_response else "its closing"
    return Measure(
        name=f"{prefix}_days_to_{event}",
        title=f"Days until {share} {'were answered' if is_response else 'were closed'}",
        definition=(
            f"The time after which {share} of the feedback had got {what}. {_CENSORED}"
            + (
                " Feedback closed without a response keeps waiting."
                if is_response
                else " Closing is not resolving: the reasons of closing are published beside."
            )
        ),
        numerator="those answered so far" if is_response else "those closed so far",
        denominator="feedback on this clock",
        clock=_RESPONSE_CLOCK
        if is_response
        else (
            "From being raised to the last change to a closed state (unless it was opened again since), or "
            "to the source's date; in whole minutes, or in whole days where the source gives dates only."
        ),
        leaves_out=(
            f"{_IMPOSSIBLE} {_NO_START} {_SELECTED}"
            if is_response
            else (
                "Feedback closed before it was raised, or in an impossible year, is left out; it stays "
                "in the number raised. " + _SELECTED
            )
        ),
        unit="days",
        form="duration",
        better="lower",
    )


_MEASURES = (
    Measure(
        name="raised",
        title="Raised",
        definition=(
            "Pieces of feedback raised: one message, request or petition each; a conversation counts once. "
            "A group has a row for every month from the site's first to its last, 0 included."
        ),
        numerator="feedback raised",
        leaves_out=_UNCOUNTED,
        unit="feedback",
        form="count",
        breakdowns=(*MAIN_BREAKDOWNS, "issue"),
    ),
    Measure(
        name="supporters",
        title="People behind it",
        definition=(
            "People behind the feedback, where the source says: signatures, or the distinct authors of a "
            "conversation."
        ),
        numerator="people",
        leaves_out="Likes and views are not people. Sources that do not say how many people there are add nothing.",
        unit="people",
        form="count",
        breakdowns=(*MAIN_BREAKDOWNS, "issue"),
    ),
    Measure(
        name="open",
        title="Still open",
        definition=(
            "Feedback raised by the end of the month (or by the source's date, where that is earlier) and "
            "not closed then. The only number of a month that is not about what was raised in it."
        ),
        numerator="feedback not closed",
        leaves_out=_UNCOUNTED,
        unit="feedback",
        form="count",
        breakdowns=(*MAIN_BREAKDOWNS, "issue"),
        is_stock=True,
        better="lower",
    ),
    Measure(
        name="acknowledged_rate",
        title="Share that an agency reacted to",
        definition=f"The share to which an agency reacted in any way by the source's date, closing included. {_WILSON}",
        numerator="those with an update by an agency, of any class, closing included",
        denominator="feedback raised",
        clock="Up to the source's date.",
        leaves_out=f"{_IMPOSSIBLE} {_NO_RATES}",
        unit="share",
        form="rate",
        better="higher",
    ),
    Measure(
        name="response_rate",
        title="Share answered",
        definition=f"The share that got a response by the source's date. {_RESPONSE} {_WILSON}",
        numerator="those with a response",
        denominator=_EXPECTED,
        clock="Up to the source's date.",
        leaves_out=f"{_IMPOSSIBLE} {_NO_RATES}",
        unit="share",
        form="rate",
        better="higher",
    ),
    *(_within(days) for days in RESPONSE_WITHIN_DAYS),
    _duration("median", "half", "first_response"),
    _duration("p90", "nine in ten", "first_response"),
    _duration("median", "half", "closing"),
    _duration("p90", "nine in ten", "closing"),
    Measure(
        name="confirmed_rate",
        title="Share that people confirmed as fixed",
        definition=f"Of what was closed: the share of which the person who raised it said that it is fixed. {_WILSON}",
        numerator="those of which the person said that it is fixed",
        denominator="feedback closed or confirmed, from sources that ask",
        clock="Up to the source's date.",
        leaves_out=f"{_IMPOSSIBLE} {_NO_RATES} Sources in which nobody ever confirmed anything do not ask.",
        unit="share",
        form="rate",
        better="higher",
    ),
    Measure(
        name="held",
        title="Messages held",
        definition="Everything that the site holds from its sources, counted or not.",
        numerator="messages",
        unit="feedback",
        form="count",
        breakdowns=("all", "source"),
        is_monthly=False,
    ),
    Measure(
        name="excluded",
        title="Not counted",
        definition="Messages that are held and not counted, by the reason.",
        numerator="messages not counted",
        unit="feedback",
        form="count",
        breakdowns=("all", "exclusion"),
        is_monthly=False,
    ),
    Measure(
        name="updates",
        title="What agencies said",
        definition=(
            "Updates by agencies that say something, by their class. Only substance and work done count as "
            "a response."
        ),
        numerator="updates with a text",
        denominator="all updates with a text",
        unit="updates",
        form="count",
        breakdowns=("all", "update_class"),
        is_monthly=False,
    ),
    Measure(
        name="said",
        title="What was said, by agency",
        definition=(
            "What agencies said of the feedback that each of them is responsible for, by class, in its own "
            "conversation or elsewhere. Only sources that publish their messages are in it."
        ),
        numerator="updates with a text",
        leaves_out=_UNCOUNTED,
        unit="updates",
        form="count",
        breakdowns=("agency_class",),
        is_monthly=False,
    ),
    Measure(
        name="closings",
        title="Why it was closed",
        definition="Feedback closed by the source's date, by the reason of closing. Closing is not resolving.",
        numerator="feedback closed",
        denominator="all feedback closed",
        leaves_out=_UNCOUNTED,
        unit="feedback",
        form="count",
        breakdowns=("all", "closing_reason"),
        is_monthly=False,
    ),
    Measure(
        name="findings",
        title="Wrong or odd in the data",
        definition="Rows with something wrong or odd, by source and finding.",
        numerator="rows",
        unit="rows",
        form="count",
        breakdowns=("finding",),
        is_monthly=False,
    ),
    Measure(
        name="takedowns",
        title="Removed on request",
        definition="Messages that were removed because somebody asked for it. They are in no other number.",
        numerator="feedback removed",
        unit="feedback",
        form="count",
        breakdowns=("all", "takedown"),
        is_monthly=False,
    ),
    Measure(
        name="overrides",
        title="Decisions by people",
        definition=(
            "What people decided in place of the program and what holds now, by what they decided; labels that say "
            "the opposite of rules and model are among them, of sources that publish their messages."
        ),
        numerator="decisions",
        unit="decisions",
        form="count",
        breakdowns=("all", "override"),
        is_monthly=False,
    ),
    Measure(
        name="responses",
        title="Responses given",
        definition=f"{_RESPONSE} One response may answer many pieces of feedback: it counts once here.",
        numerator="responses",
        unit="responses",
        form="count",
        breakdowns=("all", "agency"),
        is_monthly=False,
    ),
    Measure(
        name="failures",
        title="Service failures found",
        definition=(
            "Times at which unusually many people raised the same thing. How many days and how many series (topics, "
            "topics in an area, agencies) could be looked at stands beside."
        ),
        numerator="failures",
        leaves_out=_UNUSUAL,
        unit="failures",
        form="count",
        breakdowns=("all",),
        is_monthly=False,
    ),
    Measure(
        name="failures_of_one_text",
        title="Rises made by one copied text",
        definition="Rises that would have been failures, if the same words had not been sent again and again.",
        numerator="rises",
        unit="failures",
        form="count",
        breakdowns=("all",),
        is_monthly=False,
    ),
    Measure(
        name="watched_days",
        title="Days looked at",
        definition=(
            "Days that could be compared with the nine weeks before them, in the sources that were complete then."
        ),
        numerator="days",
        unit="whole days",
        form="count",
        breakdowns=("all",),
        is_monthly=False,
    ),
    Measure(
        name="watched_series",
        title="Series looked at",
        definition="The most series (topics, topics in an area, agencies) that were compared on one day.",
        numerator="series",
        unit="series",
        form="count",
        breakdowns=("all",),
        is_monthly=False,
    ),
    Measure(
        name="failure_people",
        title="People who raised a failure",
        definition=f"{_FAILURE_PEOPLE} On a day of its own: the people of that day.",
        numerator="people",
        leaves_out=_UNUSUAL,
        unit="people",
        form="count",
        breakdowns=("failure",),
        is_monthly=False,
    ),
    Measure(
        name="failure_expected",
        title="People to be expected",
        definition=(
            "How many people were to be expected on the days of a failure: half from the level of the eight weeks "
            "before (newer weeks weigh more), half from the same weekday in them. Low and high of a single day: "
            "between them lie nineteen of twenty usual days."
        ),
        numerator="people",
        unit="people on average",
        form="count",
        breakdowns=("failure",),
        is_monthly=False,
    ),
    Measure(
        name="failure_feedback",
        title="Feedback raised in a failure",
        definition="Feedback raised on the days of a failure about its topic, in its areas.",
        numerator="feedback",
        unit="feedback",
        form="count",
        breakdowns=("failure",),
        is_monthly=False,
    ),
    Measure(
        name="failure_answered",
        title="Feedback of a failure that was answered",
        definition=f"Feedback of a failure that got a response by the source's date. {_RESPONSE}",
        numerator="feedback with a response",
        denominator="feedback raised in the failure",
        unit="feedback",
        form="count",
        breakdowns=("failure",),
        is_monthly=False,
        better="higher",
    ),
    Measure(
        name="failure_score",
        title="How unusual a failure is",
        definition=(
            "How many usual swings its strongest day (or its week) lay above what was to be expected: the "
            "root-transformed count of a negative binomial, with the dispersion of the eight weeks before. On usual "
            "days it is above 3 about once in a thousand days."
        ),
        numerator="usual swings",
        unit="swings",
        form="count",
        breakdowns=("failure",),
        is_monthly=False,
    ),
    Measure(
        name="labelled",
        title="Labels compared with rules",
        definition=(
            "Notes drawn by chance that were labelled without knowing what the rules say, by the class "
            "given to them and the class that the rules gave."
        ),
        numerator="labelled notes",
        unit="updates",
        form="count",
        breakdowns=("all", "label"),
        is_monthly=False,
    ),
    Measure(
        name="label_precision",
        title="How often a response found by the rules is one",
        definition=(
            "Of the labelled notes that the rules call a response: the share whose label says so too. "
            f"{_WILSON}"
        ),
        numerator="those whose label says response too",
        denominator="labelled notes that the rules call a response",
        leaves_out="Notes whose label says that nobody can tell.",
        unit="share",
        form="rate",
        breakdowns=("all",),
        is_monthly=False,
        better="higher",
    ),
    Measure(
        name="label_recall",
        title="How many of the responses the rules find",
        definition=f"Of the labelled notes whose label says response: the share that the rules find. {_WILSON}",
        numerator="those that the rules call a response",
        denominator="labelled notes whose label says response",
        leaves_out="Notes whose label says that nobody can tell.",
        unit="share",
        form="rate",
        breakdowns=("all",),
        is_monthly=False,
        better="higher",
    ),
    Measure(
        name="relevance_read",
        title="Messages judged by a model",
        definition=(
            "Posts and comments of which a model said how likely they are feedback about a public service. "
            "Texts in a language that it was not made of are not judged by it, and count."
        ),
        numerator="posts and comments",
        unit="feedback",
        form="count",
        breakdowns=("all",),
        is_monthly=False,
    ),
    Measure(
        name="relevance_doubted",
        title="Counted in doubt",
        definition=(
            "Posts and comments that are counted although the model takes it for less likely than not that "
            "they are feedback: they wait for a person to look at them."
        ),
        numerator="posts and comments",
        unit="feedback",
        form="count",
        breakdowns=("all",),
        is_monthly=False,
    ),
    Measure(
        name="relevance_threshold",
        title="From which chance on a message counts",
        definition=(
            "A post or comment counts where the model gives it at least this chance of being feedback. It was "
            "chosen on texts that the model was not made with, so that the mistakes cost least where a missed "
            "message costs twice as much as one that is wrongly counted."
        ),
        unit="share",
        form="count",
        breakdowns=("all",),
        is_monthly=False,
    ),
    Measure(
        name="relevance_labelled",
        title="Messages that a person judged",
        definition="Posts and comments, drawn by chance, of which a person said whether they are feedback.",
        numerator="labelled posts and comments",
        leaves_out="Those of which the person could not tell.",
        unit="feedback",
        form="count",
        breakdowns=("all",),
        is_monthly=False,
    ),
    Measure(
        name="relevance_precision",
        title="How often what rules and model count is feedback",
        definition=f"Of the labelled messages that rules and model count: the share that is feedback. {_WILSON}",
        numerator="those that the person calls feedback too",
        denominator="labelled messages that rules and model count",
        unit="share",
        form="rate",
        breakdowns=("all",),
        is_monthly=False,
        better="higher",
    ),
    Measure(
        name="relevance_recall",
        title="How much of the feedback rules and model count",
        definition=f"Of the labelled messages that are feedback: the share that rules and model count. {_WILSON}",
        numerator="those that rules and model count",
        denominator="labelled messages that the person calls feedback",
        unit="share",
        form="rate",
        breakdowns=("all",),
        is_monthly=False,
        better="higher",
    ),
    Measure(
        name="relevance_trained",
        title="Labels that moved the model",
        definition="Labels of this site by which its own model of what is feedback differs from the general one.",
        numerator="labelled posts and comments",
        leaves_out="Those that are kept out to measure it.",
        unit="feedback",
        form="count",
        breakdowns=("all",),
        is_monthly=False,
    ),
    *(
        Measure(
            name=f"{name}_label_right",
            title=f"How often {words} is right",
            definition=(
                f"Of the labelled messages that chance drew: the share where rules and models say {words} that the "
                f"person said; where they say none, that is not right. "
                f"Out of fewer than a hundred labels no share is given. {_WILSON}"
            ),
            numerator="those where both say the same",
            denominator="labelled messages of which the person said it",
            leaves_out="Labels that a model of this site was made with.",
            unit="share",
            form="rate",
            breakdowns=("all",),
            is_monthly=False,
            better="higher",
        )
        for name, words in (("topic", "the topic"), ("intent", "the intent"), ("urgency", "the urgency"))
    ),
    Measure(
        name="topic_model_texts",
        title="Texts that the model of topics was made of",
        definition=(
            "Messages of this site whose topic is known from the source's service code or from a person, and by which "
            "the program learned what words go with which topic."
        ),
        numerator="distinct texts",
        unit="feedback",
        form="count",
        breakdowns=("all",),
        is_monthly=False,
    ),
    Measure(
        name="topic_modelled",
        title="Topics that a model said",
        definition="Feedback whose topic neither a service code nor clear phrases said, but the site's model.",
        numerator="counted feedback",
        unit="feedback",
        form="count",
        breakdowns=("all",),
        is_monthly=False,
    ),
    Measure(
        name="topic_unsure",
        title="Topics of which the model is not sure",
        definition="Feedback without a topic because the site's model finds none likely enough.",
        numerator="counted feedback",
        unit="feedback",
        form="count",
        breakdowns=("all",),
        is_monthly=False,
    ),
    Measure(
        name="topic_said",
        title="For how many texts phrases and model say a topic",
        definition=(
            "Tried on texts whose topic is known, by a model that was made without them (without their author or their "
            f"day): the share under some topic. {_WILSON}"
        ),
        numerator="texts that get a topic",
        denominator="texts whose topic is known from a service code or a person",
        unit="share",
        form="rate",
        breakdowns=("all",),
        is_monthly=False,
    ),
    Measure(
        name="topic_right",
        title="How many of those topics are right",
        definition=f"Of the texts that got a topic in that trial: the share where it is the known one. {_WILSON}",
        numerator="texts under the known topic",
        denominator="texts that got a topic",
        unit="share",
        form="rate",
        breakdowns=("all",),
        is_monthly=False,
        better="higher",
    ),
)

MEASURES = MappingProxyType({m.name: m for m in _MEASURES})
"""Every measure by its name, in the order in which the method page shows them."""


def measure_named(name: str) -> Measure:
    """The definition of that name; raises ``KeyError`` for an unknown one."""
    return MEASURES[name]
