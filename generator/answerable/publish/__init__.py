"""The publish room: from tables to a folder of files.

``site`` tells the story. ``checks`` come first; ``view`` asks the store for what pages show; ``pages`` (few, through
MkDocs) and ``records`` (many, stamped by ``stamp``) become HTML; ``open_data`` writes the files; ``finished`` looks
over the result; ``swap`` puts it in place of the old site.
"""
