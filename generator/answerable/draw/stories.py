"""What each figure tells: from the numbers of the site to a chart with its sentence and its table.

Every story is a function of a ``Scene`` that gives a ``Figure``, or ``None`` where the numbers do not bear one: then
the page shows none. A new one is written in the module of its kind (``over_time``, ``over_days``, ``by_group``,
``on_map``) and named here.
"""

from answerable.draw.by_group import (
    answered_within,
    closing_reasons,
    days_by_group,
    rate_by_group,
    update_classes,
    volumes,
    waiting_times,
)
from answerable.draw.on_map import area_map
from answerable.draw.over_days import failure_by_day
from answerable.draw.over_time import (
    answered_by_month,
    closing_time_by_month,
    raised_by_month,
    response_time_by_month,
)
from answerable.draw.scene import Scene, last_complete_month, month_in_words

__all__ = [
    "Scene",
    "answered_by_month",
    "answered_within",
    "area_map",
    "closing_reasons",
    "closing_time_by_month",
    "days_by_group",
    "failure_by_day",
    "last_complete_month",
    "month_in_words",
    "raised_by_month",
    "rate_by_group",
    "response_time_by_month",
    "update_classes",
    "volumes",
    "waiting_times",
]
