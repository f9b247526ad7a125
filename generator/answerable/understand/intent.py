"""What a counted feedback wants (`schema.INTENTS`) and how soon somebody should read it (`schema.URGENCIES`).

Reviewed rules first (``rules/intents.yml``), then a model for posts and comments. A service request, a petition and a
request for information say by their kind what they want, where no rule knows better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, field_validator, model_validator

from answerable.schema import FEEDBACK_KINDS, INTENTS, URGENCIES
from answerable.settings import load_yaml
from answerable.understand.classes import Rule, RuleFile, known, one_id_each
from answerable.understand.phrases import compile_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from answerable.understand.phrases import Matcher

__all__ = [
    "BY_KIND",
    "SHIPPED_INTENTS",
    "IntentRule",
    "IntentRules",
    "Wanted",
    "intent_rules",
    "load_intent_rules",
]

SHIPPED_INTENTS = Path(__file__).parent / "rules" / "intents.yml"
"""General rules in several languages. A project's own file (data/lookups/intents.yml) is read before it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An intent and an urgency, each with the rule that says so (None where none does)."""

    intent: str | None = None
    intent_rule: str | None = None
    urgency: str | None = None
    urgency_rule: str | None = None


BY_KIND: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "service_request": ("report", "normal"),
        "petition": ("suggestion", "low"),
        "information_request": ("question", "low"),
    }
)
"""What messages of a kind want and how urgent they are, where no rule says otherwise."""


class IntentRule(Rule):
    """A reviewed rule that says an intent, an urgency or both (for the others see `classes.UpdateClassRule`)."""

    intent: str | None = None
    urgency: str | None = None
    kinds: Annotated[tuple[str, ...], Field(strict=False)] = FEEDBACK_KINDS

    @field_validator("intent")
    @classmethod
    def _intent_is_known(cls, value: str | None) -> str | None:
        return None if value is None else known(value, INTENTS, "intent")

    @field_validator("urgency")
    @classmethod
    def _urgency_is_known(cls, value: str | None) -> str | None:
        return None if value is None else known(value, URGENCIES, "urgency")

    @field_validator("kinds")
    @classmethod
    def _kinds_are_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(known(kind, FEEDBACK_KINDS, "kind of feedback") for kind in value)

    @model_validator(mode="after")
    def _says_something(self) -> IntentRule:
        if self.intent is None and self.urgency is None:
            message = f"the rule {self.id} says neither an intent nor an urgency"
            raise ValueError(message)
        return self


class _IntentFile(RuleFile):
    rules: tuple[IntentRule, ...] = ()


def load_intent_rules(paths: Iterable[Path]) -> list[IntentRule]:
    """The rules of several files, in the order in which they are tried.

    Raises:
        SettingsError: a file cannot be read, a rule is wrong, or two rules have one id.
    """
    return one_id_each([(path, load_yaml(path, _IntentFile).rules) for path in paths])


@dataclass(frozen=True, slots=True)
class IntentRules:
    """Reviewed rules by the kind of feedback they are tried on. Made by `intent_rules`."""

    matchers: Mapping[str, Matcher]
    rules: Mapping[str, IntentRule]

    def wanted(self, kind: str, text: str) -> Wanted:
        """What the rules, and the kind by itself, say of a message.

        Raises:
            KeyError: a kind that is not in ``schema.FEEDBACK_KINDS``.
        """
        matched = [self.rules[match.rule_id] for match in self.matchers[kind].every(text)]
        intent = next((rule for rule in matched if rule.intent), None)
        urgency = next((rule for rule in matched if rule.urgency), None)
        by_kind = BY_KIND.get(kind)
        rule_of_kind = f"kind:{kind}" if by_kind else None
        return Wanted(
            intent=intent.intent if intent else by_kind and by_kind[0],
            intent_rule=intent.id if intent else rule_of_kind,
            urgency=urgency.urgency if urgency else by_kind and by_kind[1],
            urgency_rule=urgency.id if urgency else rule_of_kind,
        )


def intent_rules(rules: Sequence[IntentRule]) -> IntentRules:
    """Intent rules, compiled; their order decides."""
    return IntentRules(
        MappingProxyType(
            {kind: compile_rules([rule for rule in rules if kind in rule.kinds]) for kind in FEEDBACK_KINDS}
        ),
        MappingProxyType({rule.id: rule for rule in rules}),
    )
