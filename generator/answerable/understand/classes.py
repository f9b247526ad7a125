"""Classes of what agencies say, and messages that are no feedback: reviewed rules decide, nothing else does.

Whether a note counts as a response hangs on its class (the list is ``schema.UPDATE_CLASSES``), so each class comes
from a rule that a person reviewed and that the site prints. A text that no rule knows is ``unclassified``: it never
counts as a response, and its share is published. Repetition of a text proposes a rule to a reviewer; it never decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from answerable.errors import SettingsError
from answerable.schema import CLOSING_REASONS, FEEDBACK_KINDS, UPDATE_CLASSES
from answerable.settings import load_yaml
from answerable.understand.phrases import compile_rules, matching_form, phrase_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from answerable.understand.phrases import Matcher

__all__ = [
    "SHIPPED_EXCLUSIONS",
    "SHIPPED_UPDATE_CLASSES",
    "UNCLASSIFIED",
    "Classified",
    "Classifier",
    "ExclusionRule",
    "Rule",
    "RuleFile",
    "UpdateClassRule",
    "classifier",
    "classify",
    "known",
    "load_exclusion_rules",
    "load_update_class_rules",
    "one_id_each",
    "reason_of_class",
]

_RULES = Path(__file__).parent / "rules"

SHIPPED_UPDATE_CLASSES = _RULES / "update_classes.yml"
"""General rules in several languages. A project's own file is read before it."""

SHIPPED_EXCLUSIONS = _RULES / "exclusions.yml"
"""General rules for what is no feedback. A project's own file is read before it."""

UNCLASSIFIED = "unclassified"
"""The class of a text that no rule knows."""

# The reason of closing that a class brings, where its rule does not say another.
_REASON_OF_CLASS: Mapping[str, str] = {
    "work_done": "work_done",
    "administrative": "administrative",
    "referral": "referred",
}

_Id = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
_Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$")]
_Phrases = Annotated[tuple[str, ...], Field(strict=False)]


def known(value: str, allowed: Iterable[str], name: str) -> str:
    """The value; raises ``ValueError`` where it is not one of the allowed ones."""
    if value not in allowed:
        message = f"{value!r} is no {name}; known are {', '.join(allowed)}"
        raise ValueError(message)
    return value


class Rule(BaseModel):
    """What every reviewed rule says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: _Id
    phrases: _Phrases = Field(min_length=1)
    unless: _Phrases = ()
    is_whole: bool = False
    languages: _Phrases = ()
    reviewed_by: str = Field(min_length=1)
    reviewed_on: date
    note: str = ""

    @model_validator(mode="after")
    def _phrases_can_be_used(self) -> Rule:
        errors = [phrase_error(phrase, is_whole=self.is_whole) for phrase in self.phrases]
        errors += [phrase_error(phrase) for phrase in self.unless]
        message = "; ".join(filter(None, errors))
        if message:
            raise ValueError(message)
        return self


class UpdateClassRule(Rule):
    """A reviewed rule that gives an agency's update its class.

    Attributes:
        id: its name, shown where a decision is explained.
        update_class: a key of ``schema.UPDATE_CLASSES``; "unclassified" is what is left and no rule may say it.
        closing_reason: a key of ``schema.CLOSING_REASONS``, where the class alone does not say it.
        phrases: any of them makes it match; how they are written is in `answerable.understand.phrases`.
        unless: any of them stops it.
        is_whole: the text must be nothing but the phrase.
        languages: codes of the languages of its phrases (for readers; every rule is tried on every text).
        reviewed_by, reviewed_on: who stands for it, since when.
        note: why, where it is not plain.
    """

    update_class: str
    closing_reason: str | None = None

    @field_validator("update_class")
    @classmethod
    def _class_is_known(cls, value: str) -> str:
        return known(value, [name for name in UPDATE_CLASSES if name != UNCLASSIFIED], "class of update")

    @field_validator("closing_reason")
    @classmethod
    def _reason_is_known(cls, value: str | None) -> str | None:
        return None if value is None else known(value, CLOSING_REASONS, "reason of closing")


class ExclusionRule(Rule):
    """A reviewed rule that says that a message is about no public service (advertising, giveaways, news headlines).

    Attributes:
        reason: one sentence for people, shown beside what was left out.
        kinds: the kinds of feedback it is tried on (``schema.FEEDBACK_KINDS``).

    The others are those of `UpdateClassRule`.
    """

    reason: str = Field(min_length=1)
    kinds: _Phrases = Field(default=("post",), min_length=1)

    @field_validator("kinds")
    @classmethod
    def _kinds_are_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(known(kind, FEEDBACK_KINDS, "kind of feedback") for kind in value)


class RuleFile(BaseModel):
    """A rule file: who reviewed it and when, once for all of its rules, and the rules."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _review_is_handed_down(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("rules"), list):
            return data
        review = {key: data[key] for key in ("reviewed_by", "reviewed_on") if key in data}
        rules = [{**review, **rule} if isinstance(rule, dict) else rule for rule in data["rules"]]
        return {"rules": rules}


class _UpdateClassFile(RuleFile):
    rules: tuple[UpdateClassRule, ...] = ()


class _ExclusionFile(RuleFile):
    rules: tuple[ExclusionRule, ...] = ()


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


_R = TypeVar("_R", bound=_HasId)


def one_id_each(files: Sequence[tuple[Path, Sequence[_R]]]) -> list[_R]:
    """The rules of several files, in order; raises ``SettingsError`` where two have one id."""
    found: dict[str, Path] = {}
    rules: list[_R] = []
    for path, of_file in files:
        for rule in of_file:
            if rule.id in found:
                message = f"the id {rule.id!r} is taken: {found[rule.id]} has a rule of that name"
                raise SettingsError(message, file=path, remedy="give one of the two another id")
            found[rule.id] = path
            rules.append(rule)
    return rules


def load_update_class_rules(paths: Iterable[Path]) -> list[UpdateClassRule]:
    """The rules of several files, in the order in which they are tried.

    Args:
        paths: the project's own file first (it wins), then `SHIPPED_UPDATE_CLASSES`.

    Raises:
        SettingsError: a file cannot be read, a rule is wrong, or two rules have one id.
    """
    return one_id_each([(path, load_yaml(path, _UpdateClassFile).rules) for path in paths])


def load_exclusion_rules(paths: Iterable[Path]) -> list[ExclusionRule]:
    """The exclusion rules of several files, in the order in which they are tried; see `load_update_class_rules`."""
    return one_id_each([(path, load_yaml(path, _ExclusionFile).rules) for path in paths])


@dataclass(frozen=True, slots=True)
class Classified:
    """What the rules say of one text.

    Attributes:
        update_class: a key of ``schema.UPDATE_CLASSES``; None where there is no text to judge.
        closing_reason: a key of ``schema.CLOSING_REASONS``: why a feedback was closed, if this text closed it.
        rule_id: the rule that decided; None where none did.
    """

    update_class: str | None
    closing_reason: str
    rule_id: str | None


@dataclass(frozen=True, slots=True)
class Classifier:
    """Update-class rules, ready to be used. Made by `classifier`."""

    matcher: Matcher
    rules: Mapping[str, UpdateClassRule]


def classifier(rules: Sequence[UpdateClassRule]) -> Classifier:
    """Rules, compiled; their order decides."""
    return Classifier(compile_rules(rules), {rule.id: rule for rule in rules})


def reason_of_class(update_class: str) -> str:
    """The reason of closing that a class of update brings by itself; a key of ``schema.CLOSING_REASONS``."""
    return _REASON_OF_CLASS.get(update_class, "unknown")


def classify(text: str | None, by: Classifier) -> Classified:
    """The class of one text of an agency.

    A text without a letter or digit has no class; a text that no rule knows is `UNCLASSIFIED`.
    """
    if text is None or not matching_form(text).strip():
        return Classified(None, "unknown", None)
    match = by.matcher.first(text)
    if match is None:
        return Classified(UNCLASSIFIED, "unknown", None)
    rule = by.rules[match.rule_id]
    reason = rule.closing_reason or reason_of_class(rule.update_class)
    return Classified(rule.update_class, reason, rule.id)
