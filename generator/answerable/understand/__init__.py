"""Tables to decisions: what is counted, what it is about, what agencies said, each with its rule."""
