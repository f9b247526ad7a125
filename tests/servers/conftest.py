"""A network of Bluesky for all tests of a run, and the project that reads it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from tests.gathering import project
from tests.servers.network import Network, network

__all__ = ["bluesky", "project"]


@pytest.fixture(scope="session")
def bluesky() -> Iterator[Network]:
    node = os.environ.get("ANSWERABLE_NODE")
    if not node:
        pytest.skip("ANSWERABLE_NODE is not set: `make test-servers` prepares the servers and names it")
    with network(node) as found:
        yield found
