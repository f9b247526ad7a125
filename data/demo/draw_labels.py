"""Write the demonstration's labels: `python data/demo/draw_labels.py [--project .] [--count 330] [--on 2026-11-22]`.

The city is invented, so nobody has to read its posts: the labels say what was planted. They are drawn in the order in
which `answerable label --by-chance` asks, so that they measure the program as a person's would; after them come the
posts that were planted as feedback and that the program would leave out ("search": these never measure). Needs a built
project. Run it again whenever posts were added, and build again.
"""

from __future__ import annotations

import argparse
import json
from datetime import date
from pathlib import Path
from typing import Any, Literal

from answerable.store import Store
from answerable.understand.labels import LABELS_FILE, Label, to_label

KEEPERS = "the demonstration's keepers, from what was planted"


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and write the file."""
    parser = argparse.ArgumentParser(description="Write the demonstration's labels.")
    parser.add_argument("--project", type=Path, default=Path())
    parser.add_argument("--count", type=int, default=330, help="how many are drawn by chance")
    parser.add_argument("--on", type=date.fromisoformat, default=date(2026, 11, 22))
    options = parser.parse_args(arguments)
    truth = json.loads((options.project / "build" / "demo" / "truth.json").read_text("utf-8"))
    with Store.open(options.project / "build" / "store", is_writer=False) as store:
        drawn = to_label(store, [], count=options.count, is_by_chance=True)
        judged = _left_out(store)
    labels = [_label(one.record_id, truth, "chance", options.on) for one in drawn if one.source_id == "posts"]
    told = {label.record_id for label in labels}
    looked_for = sorted((set(truth["posts"]["feedback"]) & judged) - told)
    labels += [_label(number, truth, "search", options.on) for number in looked_for]
    lines = [label.model_dump_json(exclude_defaults=False) for label in labels]
    path = options.project / "data" / "lookups" / LABELS_FILE
    path.write_text("\n".join(lines) + "\n", "utf-8", newline="\n")


def _left_out(store: Store) -> set[str]:
    """The posts that rules and models take for no feedback, whatever a label says of them."""
    reading, feedback = store.read("reading"), store.read("feedback")
    rows = reading.filter(~reading.is_judged_relevant).inner_join(
        feedback.filter(feedback.kind == "post").select("feedback_id", "record_id"), "feedback_id"
    )
    return {
        row["record_id"] for batch in store.batches(rows.select("record_id")) for row in batch.to_pylist()
    }


def _label(number: str, truth: dict[str, Any], drawn: Literal["chance", "search"], on: date) -> Label:
    """What was planted in a post; a brigade's says nothing that could be told by its words."""
    planted, posts = truth["planted"], truth["posts"]
    wants = planted["wants"].get(number, {})
    is_copy = any(
        number in copies for copies in (posts["duplicates"], planted["near_duplicates"], planted["wave"])
    )
    is_feedback = number in posts["feedback"] or is_copy
    return Label(
        source_id="posts",
        record_id=number,
        is_relevant=None if number in planted["brigade"] else is_feedback,
        intent=wants.get("intent"),
        urgency=wants.get("urgency"),
        drawn=drawn,
        labelled_by=KEEPERS,
        labelled_on=on,
    )


if __name__ == "__main__":
    main()
