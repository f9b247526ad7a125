"""A project on disk that tests fill with sources and files, and gather."""

from tests.gathering import at, project

__all__ = ["at", "project"]
