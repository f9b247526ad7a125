"""The draw room: how a number is written, and how a figure is drawn.

``numbers`` writes every number that a page shows; ``theme`` and ``charts`` turn small frames into charts; ``stories``
makes a ``Figure`` (chart, sentence, table, file) out of numbers; ``figure`` renders it.
"""
