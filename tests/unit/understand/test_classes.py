"""Classes of updates and exclusions: the shipped rules, a project's own, and what may be wrong in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from answerable.errors import SettingsError
from answerable.schema import CLOSING_REASONS, RESPONSE_CLASSES, UPDATE_CLASSES
from answerable.understand.classes import (
    SHIPPED_EXCLUSIONS,
    SHIPPED_UPDATE_CLASSES,
    Classified,
    Classifier,
    ExclusionRule,
    UpdateClassRule,
    classifier,
    classify,
    load_exclusion_rules,
    load_update_class_rules,
)
from answerable.understand.phrases import compile_rules

SAN_FRANCISCO = Path(__file__).parents[3] / "examples/san-francisco/data/lookups/update_classes.yml"


@pytest.fixture(scope="module")
def shipped() -> Classifier:
    return classifier(load_update_class_rules([SHIPPED_UPDATE_CLASSES]))


@pytest.fixture(scope="module")
def san_francisco() -> Classifier:
    return classifier(load_update_class_rules([SAN_FRANCISCO, SHIPPED_UPDATE_CLASSES]))


GENERAL = [
    ("Completed.", "work_done"),
    ("The drinking fountain has been repaired.", "work_done"),
    ("We have removed the graffiti, thank you for telling us.", "work_done"),
    ("Se reparó la luminaria.", "work_done"),
    ("Le banc a été remplacé hier.", "work_done"),
    ("Der Schaden wurde behoben.", "work_done"),
    ("Il lampione è stato riparato", "work_done"),
    ("O buraco foi consertado", "work_done"),
    ("Batti theek kar diya gaya", "work_done"),
    ("No leak found in area.", "substance"),
    ("The new pump is scheduled to arrive in June.", "substance"),
    ("Das Trottoir ist Privatgrund.", "substance"),
    ("Thank you, your report was received.", "acknowledgement"),
    ("Vielen Dank für Ihre Meldung.", "acknowledgement"),
    ("Nous avons bien reçu votre message.", "acknowledgement"),
    ("Duplicate of #500607", "administrative"),
    ("Tickets are closed after 14 days.", "administrative"),
    ("Not enough information", "administrative"),
    ("Request cancelled by customer", "administrative"),
    ("Closed", "administrative"),
    ("Transferred to the Port.", "referral"),
    ("Ihre Meldung wurde an die zuständige Stelle weitergeleitet.", "referral"),
    ("Please send us a direct message.", "deflection"),
    ("Envíenos un mensaje directo", "deflection"),
    ("Emailed customer.", "answered_privately"),
    ("I spoke to the person on the phone and I answered her question.", "answered_privately"),
    ("see notes", "internal"),
    ("388928", "internal"),
    ("In Bearbeitung", "internal"),
    ("Called the customer: the ramp is not maintained by the city", "substance"),
    ("Emailed caller indicating permits are issued at the counter only", "substance"),
    ("Left a message explaining that the fee is due in May", "substance"),
    ("Left a message with how to pay the fee", "answered_privately"),
    ("Emailed customer letting her know how to apply", "answered_privately"),
    ("A crew will survey the corner; it generally takes 4 months", "substance"),
    ("Bench repaired yesterday", "work_done"),
    ("The hazard has been abated", "work_done"),
    ("Certificate reissued", "work_done"),
    ("The moon is nearly full", "unclassified"),
]


@pytest.mark.parametrize(("text", "expected"), GENERAL)
def test_general_forms(shipped: Classifier, text: str, expected: str) -> None:
    assert classify(text, shipped).update_class == expected


@pytest.mark.parametrize(
    "text",
    [
        "We will tell you once the lamp has been replaced.",
        "The light has not been repaired yet, not been fixed",
        "Die Lampe wurde nicht repariert",
        "El bache aún no ha sido reparado",
        "La lampe n'a pas été remplacée: elle n'a pas été réparée",
        "Sorry to hear that! We'd like to look into this, please DM us.",
        "The lamp needs to be repaired",
        "Hi, it doesn't look so from here, are you on the train?",
        "I emailed the person to call me about what is not clear",
    ],
)
def test_what_only_sounds_like_an_answer_is_no_response(shipped: Classifier, text: str) -> None:
    assert classify(text, shipped).update_class not in RESPONSE_CLASSES


@pytest.mark.parametrize(
    ("text", "update_class", "closing_reason"),
    [
        ("Per process - cases are closed 14 days after assignment.", "administrative", "administrative"),
        ("resolved: Maximo Service Request has been resolved", "work_done", "work_done"),
        ("resolved: Field Work has been completed Flushed and relieved", "work_done", "work_done"),
        ("resolved: 10-98", "work_done", "work_done"),
        (
            "cancelled: Maximo Service Request has been cancelled. Add'l Notes: Cancel DUP SR",
            "administrative",
            "duplicate",
        ),
        ("resolved: Maximo Work Order has been cancelled.", "administrative", "cancelled"),
        (
            "resolved: Maximo Service Request has been resolved Add'l Notes: cancel DUP SR",
            "administrative",
            "duplicate",
        ),
        ("PSR 388928", "internal", "unknown"),
        ("to Muni PSR #446202", "internal", "unknown"),
        ("See Notes tab for more details", "internal", "unknown"),
        ("emailed to clear channel", "referral", "referred"),
        ("Packing leak on GV, re pack scheduled", "substance", "unknown"),
        ("emailed link - https://example.org/parking/permits", "referral", "referred"),
        ("emailed link to customer", "answered_privately", "unknown"),
        ('Clerk "Done! Emailed the customer."', "work_done", "work_done"),
        (
            "Maximo Service Request has been resolved. Please provide an address",
            "administrative",
            "administrative",
        ),
        ("Emailed TP", "answered_privately", "unknown"),
        ("resolved:", "administrative", "unknown"),
    ],
)
def test_san_franciscos_forms(
    san_francisco: Classifier, text: str, update_class: str, closing_reason: str
) -> None:
    found = classify(text, san_francisco)
    assert (found.update_class, found.closing_reason) == (update_class, closing_reason)


@pytest.mark.parametrize("text", [None, "", "  \n", "--- !", "\u200b\u2060"])
def test_a_text_without_words_has_no_class(shipped: Classifier, text: str | None) -> None:
    assert classify(text, shipped) == Classified(None, "unknown", None)


def test_what_no_rule_knows_is_unclassified_and_names_no_rule(shipped: Classifier) -> None:
    assert classify("Zwölf Boxkämpfer", shipped) == Classified("unclassified", "unknown", None)


def test_without_its_rule_a_decision_changes(san_francisco: Classifier) -> None:
    text = "Maximo Work Order has been cancelled."
    found = classify(text, san_francisco)
    left = classifier([rule for rule in san_francisco.rules.values() if rule.id != found.rule_id])
    assert classify(text, left).rule_id != found.rule_id


@pytest.mark.parametrize("files", [[SHIPPED_UPDATE_CLASSES], [SAN_FRANCISCO, SHIPPED_UPDATE_CLASSES]])
def test_every_reviewed_phrase_can_match(files: list[Path]) -> None:
    rules = load_update_class_rules(files)
    assert {rule.update_class for rule in rules} == set(UPDATE_CLASSES) - {"unclassified"}
    for rule in rules:
        alone = compile_rules([rule.model_copy(update={"unless": ()})])
        for phrase in rule.phrases:
            # `*` stands for nought words too, `#` for any number.
            sample = phrase.replace(" * ", " ").replace("*", "").replace("#", "7")
            assert alone.first(sample) is not None, (rule.id, phrase)


def test_the_shipped_exclusions_leave_complaints_alone() -> None:
    rules = load_exclusion_rules([SHIPPED_EXCLUSIONS])
    matcher = compile_rules(rules)
    out = {
        "GIVEAWAY! Follow and RT, tag 3 friends": "giveaway",
        "We're hiring! Click to apply": "job-offer",
        "Earn money from home, ask me how": "money-offer",
        "Good morning everyone!": "greeting-only",
        "Use my code for 20% off everything": "shop-offer",
        "Wir stellen ein: jetzt bewerben": "job-offer",
    }
    for text, rule_id in out.items():
        found = matcher.first(text)
        assert found is not None, text
        assert found.rule_id == rule_id
    for text in (
        "Good morning, the bin on our street was not emptied again",
        "The parking app says buy now and then is not working",
        "This giveaway is a scam in the city's name",
        "No water since Tuesday, when will it be back?",
    ):
        assert matcher.first(text) is None, text


def test_the_projects_rules_win(tmp_path: Path) -> None:
    own = tmp_path / "update_classes.yml"
    own.write_text(
        "reviewed_by: someone\nreviewed_on: 2026-01-02\nrules:\n"
        "  - {id: ours, update_class: internal, phrases: [completed], is_whole: true}\n",
        "utf-8",
    )
    rules = load_update_class_rules([own, SHIPPED_UPDATE_CLASSES])
    assert classify("Completed", classifier(rules)) == Classified("internal", "unknown", "ours")
    assert rules[0].reviewed_by == "someone"
    assert rules[0].reviewed_on.isoformat() == "2026-01-02"


def test_an_id_may_stand_once_over_all_files(tmp_path: Path) -> None:
    own = tmp_path / "update_classes.yml"
    own.write_text(
        "reviewed_by: someone\nreviewed_on: 2026-01-02\nrules:\n"
        "  - {id: duplicate, update_class: internal, phrases: [x]}\n",
        "utf-8",
    )
    with pytest.raises(SettingsError, match="'duplicate' is taken"):
        load_update_class_rules([own, SHIPPED_UPDATE_CLASSES])


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{id: a, update_class: answered, phrases: [x]}", "class of update"),
        ("{id: a, update_class: unclassified, phrases: [x]}", "class of update"),
        ("{id: a, update_class: referral, closing_reason: sleepy, phrases: [x]}", "reason of closing"),
        ("{id: a, update_class: referral, phrases: []}", "phrases"),
        ("{id: a, update_class: referral, phrases: ['*']}", "any text"),
        ("{id: a, update_class: referral, phrases: [x], unless: ['...']}", "no word"),
        ("{id: A b, update_class: referral, phrases: [x]}", "id"),
        ("{id: a, update_class: referral, phrases: [x], langs: [en]}", "langs"),
    ],
)
def test_a_wrong_rule_is_named_with_its_file(tmp_path: Path, rule: str, message: str) -> None:
    file = tmp_path / "update_classes.yml"
    file.write_text(f"reviewed_by: someone\nreviewed_on: 2026-01-02\nrules:\n  - {rule}\n", "utf-8")
    with pytest.raises(SettingsError, match=message) as caught:
        load_update_class_rules([file])
    assert caught.value.file == file


def test_a_rule_says_who_reviewed_it(tmp_path: Path) -> None:
    file = tmp_path / "update_classes.yml"
    file.write_text("rules:\n  - {id: a, update_class: referral, phrases: [x]}\n", "utf-8")
    with pytest.raises(SettingsError, match="reviewed_by"):
        load_update_class_rules([file])


def test_an_exclusion_names_kinds_that_exist(tmp_path: Path) -> None:
    file = tmp_path / "exclusions.yml"
    file.write_text(
        "reviewed_by: someone\nreviewed_on: 2026-01-02\nrules:\n  - {id: a, reason: r, phrases: [x], kinds: [tweet]}\n",
        "utf-8",
    )
    with pytest.raises(SettingsError, match="kind of feedback"):
        load_exclusion_rules([file])


def test_rules_are_values() -> None:
    rules = load_update_class_rules([SHIPPED_UPDATE_CLASSES])
    assert all(isinstance(rule, UpdateClassRule) for rule in rules)
    assert all(rule.closing_reason is None or rule.closing_reason in CLOSING_REASONS for rule in rules)
    assert all(isinstance(rule, ExclusionRule) for rule in load_exclusion_rules([SHIPPED_EXCLUSIONS]))
