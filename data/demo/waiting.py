"""The median waiting time with the unanswered counted (Kaplan-Meier), in exact fractions, for truth.json.

It shares nothing with the product, so that the two can be held against each other.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from fractions import Fraction

WAITING_NOTES = (
    "Medians are Kaplan-Meier over whole minutes, censored at as_of, without the planted copies and without requests "
    "whose closing is impossible; null means that half were not reached. Answers in the register come on top of these: "
    "a request that only the register answers counts as unanswered here."
)


def median_days(waits: list[tuple[datetime, datetime | None]], as_of: datetime) -> float | None:
    """The smallest waiting time t with S(t) <= 1/2, in days; None where it is not reached."""
    ends: Counter[int] = Counter()
    leaves: Counter[int] = Counter()
    for start, end in waits:
        minutes = int(((end or as_of) - start).total_seconds() // 60)
        (ends if end else leaves)[minutes] += 1
    at_risk = len(waits)
    surviving = Fraction(1)
    for minutes in sorted({*ends, *leaves}):
        if ends[minutes]:
            surviving *= Fraction(at_risk - ends[minutes], at_risk)
            if surviving <= Fraction(1, 2):
                return minutes / 1440
        at_risk -= ends[minutes] + leaves[minutes]
    return None
