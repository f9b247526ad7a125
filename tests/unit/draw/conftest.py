"""A row of measure_result with what a test does not care about filled in."""

from collections.abc import Callable
from typing import Any

import pytest

from answerable.draw.numbers import Row

MakeRow = Callable[..., Row]


@pytest.fixture(scope="session")
def make_row() -> MakeRow:
    def make(measure: str = "raised", value: float | None = 1.0, **more: Any) -> Row:
        base: dict[str, Any] = {
            "method_version": "1", "interval": "all", "breakdown": "all", "group_code": "all", "unit": "feedback",
            "low": None, "high": None, "numerator": None, "denominator": None, "is_not_reached": False,
            "is_too_few": False, "is_suppressed": False,
        }  # fmt: skip
        return Row(**{**base, **more, "measure": measure, "value": value})

    return make
