"""A project with a filled store, and the site that is published from it."""

import functools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pyarrow as pa
import pytest
from tests.world import World, fill, make_project, now, small_world, write_tables

from answerable.publish.site import publish
from answerable.settings import Settings
from answerable.store import Store

Opened = tuple[Store, Settings]


@functools.cache
def measured() -> dict[str, pa.Table]:
    """What the measures make of the small world. They take seconds and do not read texts, so they are taken once."""
    with tempfile.TemporaryDirectory() as name:
        settings = make_project(Path(name))
        with Store.open(Path(name) / "store") as store:
            fill(store, settings)
            return {table: store.con.to_pyarrow(store.read(table)) for table in ("clock", "measure_result")}


@contextmanager
def opened(folder: Path, world: World | None = None, *, is_measured_anew: bool = False) -> Iterator[Opened]:
    """A project in ``folder`` with a filled store, open."""
    settings = make_project(folder)
    with Store.open(folder / "build" / "store") as store:
        if is_measured_anew:
            fill(store, settings, world)
        else:
            write_tables(store, settings, world or small_world())
            with store.transaction():
                for table, rows in measured().items():
                    store.write(table, rows)
        yield store, settings


@pytest.fixture(name="open_world")
def _open_world(tmp_path: Path) -> Callable[..., AbstractContextManager[Opened]]:
    return functools.partial(opened, tmp_path)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of the small world."""
    with opened(tmp_path_factory.mktemp("world")) as (store, settings):
        return publish(store, settings, now=now())
