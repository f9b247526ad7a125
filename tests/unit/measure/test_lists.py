from __future__ import annotations

from itertools import product

import pandas as pd
import pytest

from answerable.measure.cells import Sources
from answerable.measure.lists import list_rows

HALL = Sources(private=frozenset({"hall"}), rated=frozenset(), pooled=frozenset({"hall"}))


def hidden_updates(**classes: int) -> set[str]:
    """The classes of private updates that are hidden, `all` for their sum."""
    counts = pd.DataFrame(
        [
            {
                "measure": "updates",
                "breakdown": "update_class",
                "group_code": name,
                "source_id": "hall",
                "count": count,
            }
            for name, count in classes.items()
            if count
        ]
    )
    rows = list_rows(counts, HALL, None)
    return set(rows.loc[rows["is_suppressed"], "group_code"])


def test_nothing_small_is_shown() -> None:
    assert hidden_updates(substance=5, internal=9) == set()


def test_a_small_class_takes_another_with_it() -> None:
    assert hidden_updates(referral=2, internal=9, deflection=7, substance=50) == {"referral", "deflection"}


def test_a_small_response_hides_both_classes_of_responses() -> None:
    hidden = hidden_updates(substance=2, work_done=90, internal=9, referral=8, deflection=20)
    assert {"substance", "work_done"} <= hidden
    assert "deflection" not in hidden


@pytest.mark.parametrize("numbers", list(product([0, 3, 6, 9], repeat=4)))
def test_no_small_class_follows_from_the_sums(numbers: tuple[int, ...]) -> None:
    """Known: the sum of all updates where it is shown, and the number of responses where that is not small."""
    if not any(numbers):
        return
    classes = dict(zip(("substance", "work_done", "internal", "referral"), numbers, strict=True))
    hidden = hidden_updates(**classes)
    small = {name for name, n in classes.items() if 0 < n < 5}
    assert small <= hidden
    responses, others = {"substance", "work_done"} & hidden, {"internal", "referral"} & hidden
    is_sum_of_responses_known = not 0 < classes["substance"] + classes["work_done"] < 5
    if is_sum_of_responses_known and len(responses) == 1:
        assert not responses & small
    if "all" not in hidden and (is_sum_of_responses_known or not responses) and len(others) == 1:
        assert not others & small
    if "all" not in hidden and len(responses | others) == 1:
        assert not (responses | others) & small
