"""For all tests."""

from __future__ import annotations

import gc

from tests.compiling import use_kept_sql

use_kept_sql()

# Table expressions are many small objects that live as long as a test: looking for garbage among them again and again
# is a fifteenth of the time.
gc.freeze()
gc.set_threshold(100_000, 50, 100)
