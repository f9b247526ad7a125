"""All that decides, in one value: the rules, models and lists of a site, and digests of them.

    rules = site_rules(store, settings)

Whatever a decision depends on, other than the message itself, stands here and changes a digest: so what was decided by
other rules is decided again. What decides on words (`answerable.understand.words`) has a digest of its own, so that
what people say of single messages lets the words stay read.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from answerable.understand.labels import LABELS_FILE, Label, read_labels
from answerable.understand.overrides import Applied, apply_overrides
from answerable.understand.spelling import Learned, site_spelling
from answerable.understand.words import Known, WordRules, rule_files, word_rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from answerable.settings import Settings
    from answerable.store import Store

__all__ = ["Rules", "digest_of", "site_rules"]

_DECIDING_PACKAGES = ("ftfy", "py3langid")


@dataclass(frozen=True, slots=True)
class Rules:
    """All that decides, and digests of it.

    Attributes:
        known: what ``words`` is made of, for other processes.
        learned: how the site writes its words, to be kept (`answerable.understand.spelling`).
        words: what decides on words; ``words_digest`` is its digest.
        accounts: the agency of each official account.
        has_own_models: whether the site has models that `answerable train` made: some labels are kept out of them.
        digest: of all of it but the overrides: what a person decided about one message leaves the others as they are.
    """

    known: Known
    learned: Learned
    words: WordRules
    words_digest: str
    accounts: Mapping[str, str]
    labels: Sequence[Label]
    has_own_models: bool
    digest: str
    overrides: Applied


def site_rules(store: Store, settings: Settings) -> Rules:
    """The rules of a site.

    Raises:
        SettingsError: a file of rules, labels or a model is wrong.
    """
    areas = store.read("area").select("name").order_by("name")
    learned = site_spelling(store)
    known = Known(
        settings,
        tuple(row["name"] for batch in store.batches(areas) for row in batch.to_pylist()),
        learned.spelling,
    )
    here = Path(__file__).parent
    # The program's own files count among the rules: what they decide changes with them. A model's JSON holds the
    # checksum of its weights.
    files = [path for found in rule_files(settings).values() for path in found]
    for pattern in ("*.py", "rules/*.yml", "rules/*.txt", "models/*.json"):
        files += sorted(here.glob(pattern))
    words_digest = digest_of(
        *(part.model_dump_json() for part in (*settings.agencies, *settings.services, *settings.topics)),
        settings.site.name,
        *known.areas,
        "" if known.spelling is None else known.spelling.digest(),
        unicodedata.unidata_version,
        *(f"{name} {version(name)}" for name in _DECIDING_PACKAGES),
        *map(_file_digest, files),
    )
    labels = settings.lookup(LABELS_FILE)
    return Rules(
        known=known,
        learned=learned,
        words=word_rules(known),
        words_digest=words_digest,
        accounts=settings.agency_by_account,
        labels=read_labels(labels, topics=settings.topic_by_code),
        has_own_models=any(path.parent == labels.parent and path.suffix == ".json" for path in files),
        overrides=apply_overrides(store, settings),
        digest=digest_of(
            words_digest,
            *(f"{source.id} {source.publish_rows}" for source in settings.sources),
            _file_digest(labels) if labels.exists() else "",
        ),
    )


def _file_digest(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes()).hexdigest()


def digest_of(*parts: str) -> str:
    """A digest of some texts in their order."""
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()
