"""The connectors: one module for each kind of source."""
