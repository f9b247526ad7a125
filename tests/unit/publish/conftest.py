"""A published site of the small world, made once for each file of tests."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from tests.world import World, fill, make_project, now

from answerable.publish.site import publish
from answerable.settings import Settings
from answerable.store import Store

Opened = tuple[Store, Settings]


@contextmanager
def opened(folder: Path, world: World | None = None) -> Iterator[Opened]:
    """A project in ``folder`` with a filled store, open."""
    settings = make_project(folder)
    with Store.open(folder / "build" / "store") as store:
        fill(store, settings, world)
        yield store, settings


@pytest.fixture(name="open_world")
def _open_world(tmp_path: Path) -> Callable[..., AbstractContextManager[Opened]]:
    return lambda world=None: opened(tmp_path, world)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of the small world."""
    with opened(tmp_path_factory.mktemp("world")) as (store, settings):
        return publish(store, settings, now=now())
