"""The measure room: what is counted, and every number that the site shows."""
