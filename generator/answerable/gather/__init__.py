"""Reads the sources and writes what they hold as tables: feedback, its updates, and what is wrong with them."""
