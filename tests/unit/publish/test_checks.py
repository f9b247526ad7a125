"""Each check before publishing finds what it is there for, and stops the publishing."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import ibis
import pytest
from tests.world import AS_OF, now, small_world

from answerable.errors import CheckError, StaleSourceError
from answerable.publish import checks
from answerable.publish.checks import run_checks
from answerable.settings import Settings
from answerable.store import Store

Open = Callable[..., AbstractContextManager[tuple[Store, Settings]]]


def test_a_sound_world_passes(open_world: Open) -> None:
    with open_world() as (store, settings):
        run_checks(store, settings, now=now())


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("reading", "Write to jane.roe@example.com"),
        ("update_reading", "Call 555-010-4477 now"),
        ("response", "case 12345678"),
        ("outcome", "Thanks to jane.roe@example.com"),
    ],
)
def test_personal_data_stop_the_publishing(open_world: Open, table: str, text: str) -> None:
    world = small_world()
    world.rows[table][3 if table != "outcome" else 0]["public_text"] = text
    with open_world(world) as (store, settings), pytest.raises(CheckError, match=rf"{table}: personal data"):
        run_checks(store, settings, now=now())


def test_sums_that_disagree_stop_the_publishing(open_world: Open) -> None:
    with open_world() as (store, settings):
        result = store.read("measure_result")
        is_one = (result.measure == "raised") & (result.breakdown == "agency") & (result.interval == "all")
        wrong = store.con.to_pyarrow(result.mutate(value=result["value"] + is_one.cast("float64")))
        with store.transaction():
            store.write("measure_result", wrong)
        with pytest.raises(CheckError, match="raised of all: the groups by agency add up to"):
            run_checks(store, settings, now=now())


def test_too_much_without_a_topic_stops_the_publishing(open_world: Open) -> None:
    world = small_world()
    for row in world.rows["reading"][:20]:
        row["topic_code"] = "unmapped"
    opened = open_world(world, is_measured_anew=True)
    with opened as (store, settings), pytest.raises(CheckError, match="about no topic"):
        run_checks(store, settings, now=now())


def test_an_empty_store_is_not_published(open_world: Open) -> None:
    with open_world() as (store, settings):
        with store.transaction():
            store.write(
                "feedback", store.con.to_pyarrow(store.read("feedback").filter(ibis.literal(value=False)))
            )
        with pytest.raises(CheckError, match="no source holds any feedback"):
            run_checks(store, settings, now=now())


@pytest.mark.parametrize(("days", "is_published"), [(30, True), (31, False)])
def test_a_source_that_fails_for_too_long(open_world: Open, days: int, is_published: bool) -> None:
    world = small_world()
    world.rows["source"][0] |= {"is_stale": True, "stale_reason": "the file is gone"}
    later = now() + timedelta(days=days - 1)
    with open_world(world) as (store, settings):
        if is_published:
            run_checks(store, settings, now=later)
        else:
            with pytest.raises(
                StaleSourceError, match=rf"portal has been failing since {AS_OF:%Y-%m-%d}.*file is gone"
            ):
                run_checks(store, settings, now=later + timedelta(seconds=1))


def test_all_that_is_wrong_is_listed(open_world: Open) -> None:
    world = small_world()
    world.rows["outcome"][0]["public_text"] = "jane.roe@example.com"
    for row in world.rows["reading"][:20]:
        row["topic_code"] = "unmapped"
    with open_world(world, is_measured_anew=True) as (store, settings), pytest.raises(CheckError) as error:
        run_checks(store, settings, now=now())
    assert "personal data" in str(error.value)
    assert "about no topic" in str(error.value)


def test_every_check_has_a_name_and_a_sentence() -> None:
    for name, check in checks.CHECKS.items():
        assert name
        assert check.__doc__
