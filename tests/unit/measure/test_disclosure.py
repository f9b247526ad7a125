from __future__ import annotations

import pytest

from answerable.measure.disclosure import Hidden, hide, is_small, is_too_few

MONTHS = ["2024-01", "2024-02", "2024-03"]


@pytest.mark.parametrize(("denominator", "expected"), [(0, True), (9, True), (10, False), (11, False)])
def test_a_rate_out_of_fewer_than_ten_is_not_shown(denominator: int, expected: bool) -> None:
    assert is_too_few(denominator) is expected


@pytest.mark.parametrize(("count", "expected"), [(0, False), (1, True), (4, True), (5, False), (6, False)])
def test_a_private_count_from_one_to_four_is_hidden(count: int, expected: bool) -> None:
    assert is_small(count) is expected


def table(**groups: list[int]) -> dict[tuple[str, str, str], tuple[int, ...]]:
    """Counts by month for groups of one breakdown, with all sums."""
    columns = {("topic", g): counts for g, counts in groups.items()}
    columns["all", "all"] = [sum(counts) for counts in zip(*groups.values(), strict=True)]
    cells: dict[tuple[str, str, str], tuple[int, ...]] = {}
    for (breakdown, group), counts in columns.items():
        for month, count in zip(MONTHS, counts, strict=True):
            cells[breakdown, group, month] = (count,)
        cells[breakdown, group, "all"] = (sum(counts),)
    return cells


def test_nothing_small_hides_nothing() -> None:
    assert hide(table(a=[5, 9, 0], b=[7, 0, 6]), MONTHS) == Hidden(
        private=frozenset({("all", "all"), ("topic", "a"), ("topic", "b")})
    )


def test_a_small_cell_hides_its_column_and_another_one_in_every_month() -> None:
    hidden = hide(table(a=[4, 90, 90], b=[70, 80, 90], c=[20, 20, 20]), MONTHS)
    assert hidden.columns == {("topic", "a"), ("topic", "c")}
    assert not hidden.rows
    assert not hidden.totals
    assert ("topic", "a", "2024-02") in hidden
    assert ("topic", "a", "all") not in hidden
    assert ("topic", "b", "2024-01") not in hidden
    assert ("all", "all", "2024-01") not in hidden


def test_a_small_sum_hides_its_month_and_another_one_everywhere() -> None:
    hidden = hide(table(a=[3, 90, 50], b=[0, 80, 60]), MONTHS)
    assert hidden.rows == {"2024-01", "2024-03"}
    assert ("topic", "b", "2024-01") in hidden
    assert ("all", "all", "2024-03") in hidden
    assert ("topic", "a", "2024-02") not in hidden


def test_a_small_group_is_hidden_in_the_sum_too() -> None:
    hidden = hide(table(a=[1, 1, 0], b=[70, 80, 90], c=[20, 20, 20]), MONTHS)
    assert hidden.totals == {("topic", "a"), ("topic", "c")}
    assert ("topic", "a", "all") in hidden
    assert ("topic", "b", "all") not in hidden


def test_what_holds_nothing_private_is_never_hidden() -> None:
    cells = table(a=[1, 1, 0], b=[70, 80, 90], c=[0, 0, 0])
    hidden = hide(cells, MONTHS)
    assert ("topic", "c", "2024-01") not in hidden
    assert ("topic", "never", "2024-01") not in hidden
