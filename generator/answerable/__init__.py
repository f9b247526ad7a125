"""Answerable: what people raised in public, and what government answered, as a static site."""

__version__ = "0.1.0"
