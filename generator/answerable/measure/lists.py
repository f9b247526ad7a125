"""The numbers that are computed for everything together: lists, findings, labels and issues."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from answerable.measure.cells import CELL, Cells, Sources
from answerable.measure.disclosure import TOTAL, is_small
from answerable.measure.labels import UNCLEAR, is_response
from answerable.measure.measures import INTERVAL_ALL, measure_named
from answerable.measure.results import count_rows, no_rows, share_rows, with_columns
from answerable.schema import RESPONSE_CLASSES

__all__ = [
    "findings_rows",
    "issue_rows",
    "label_rows",
    "list_rows",
    "override_rows",
    "relevance_rows",
    "said_rows",
    "takedown_rows",
]

Group = tuple[str, str]
_SUM = (TOTAL, TOTAL)


def list_rows(counts: pd.DataFrame, sources: Sources, cells: Cells | None) -> pd.DataFrame:
    """Rows of held, excluded, updates, closings and responses, with their sums.

    Args:
        counts: ``measure``, ``breakdown``, ``group_code``, ``source_id`` and ``count``; without the sums.
        sources: what may be done with each source.
        cells: what is hidden elsewhere; None where nothing is counted at all.
    """
    both = pd.concat([counts.assign(breakdown=TOTAL, group_code=TOTAL), counts], ignore_index=True)
    total = _by_list(both)
    hidden = _hidden_of_lists(_by_list(both[both["source_id"].isin(sources.private)]), cells)
    frames = []
    for name, numbers in total.items():
        index = pd.MultiIndex.from_tuples([(b, g, INTERVAL_ALL) for b, g in numbers], names=CELL)
        is_hidden = pd.Series([group in hidden.get(name, set()) for group in numbers], index=index)
        out_of = None
        if measure_named(name).denominator:
            whole = pd.NA if _SUM in hidden.get(name, set()) else numbers[_SUM]
            out_of = pd.Series([whole] * len(index), index=index, dtype="Int64")
        frames.append(count_rows(name, pd.Series(list(numbers.values()), index=index), is_hidden, out_of))
    return with_columns(frames)


def _by_list(counts: pd.DataFrame) -> dict[str, dict[Group, int]]:
    """The counts of each list, its sum under (all, all)."""
    found: dict[str, dict[Group, int]] = {}
    summed = counts.groupby(["measure", "breakdown", "group_code"], as_index=False)["count"].sum()
    for row in summed.itertuples(index=False):
        found.setdefault(str(row.measure), {})[str(row.breakdown), str(row.group_code)] = int(row[3])
    return found


def _hidden_of_lists(
    private: Mapping[str, Mapping[Group, int]], cells: Cells | None
) -> dict[str, set[Group]]:
    """What is hidden of each list, from the private parts of its numbers.

    The lists are tied to each other and to other measures: held less excluded is raised; raised less open is
    closed; substance and work done among the updates are (nearly) the responses.
    """
    is_raised_hidden = cells is not None and TOTAL in cells.hidden_raised.rows
    is_open_hidden = cells is not None and TOTAL in cells.hidden_outcomes.rows | cells.hidden_open.rows
    excluded = _hidden_in(private.get("excluded", {}), is_whole=is_raised_hidden)
    return {
        "held": _hidden_in(private.get("held", {}), is_whole=is_raised_hidden or _SUM in excluded),
        "excluded": excluded,
        "closings": _hidden_in(private.get("closings", {}), is_whole=is_open_hidden),
        "updates": _hidden_updates(private.get("updates", {})),
        "responses": _hidden_in(private.get("responses", {}), is_whole=False),
    }


def _hidden_updates(private: Mapping[Group, int]) -> set[Group]:
    """What is hidden of the updates: the responses tell the sum of those classes that are responses."""
    hidden = _hidden_in(private, is_whole=False)
    something = {group for group, number in private.items() if number > 0}
    responses = {("update_class", name) for name in RESPONSE_CLASSES} & something
    if hidden & responses:
        hidden |= responses
    if len(hidden - responses - {_SUM}) == 1:
        others = sorted((private[group], group) for group in something - hidden - responses - {_SUM})
        if not others:
            return something
        hidden.add(others[0][1])
    return hidden


def _hidden_in(private: Mapping[Group, int], *, is_whole: bool) -> set[Group]:
    """What is hidden of one list: all of it, or what is small and at least one more, so that the sum does not tell."""
    something = {group for group, number in private.items() if number > 0}
    hidden = {group for group in something if is_small(private[group])}
    if is_whole or _SUM in hidden:
        return something
    if len(hidden) == 1:
        others = sorted((private[group], group) for group in something - hidden - {_SUM})
        if not others:
            return something
        hidden.add(others[0][1])
    return hidden


def findings_rows(counts: pd.DataFrame, sources: Sources) -> pd.DataFrame:
    """Rows of findings.

    Args:
        counts: ``source_id``, ``finding_code`` and ``count``.
        sources: what may be done with each source; no sum of findings is published, so a small one is hidden alone.
    """
    if not len(counts):
        return no_rows()
    codes = counts["source_id"] + "/" + counts["finding_code"]
    index = pd.MultiIndex.from_tuples([("finding", c, INTERVAL_ALL) for c in codes], names=CELL)
    is_hidden = counts["source_id"].isin(sources.private) & counts["count"].map(is_small)
    numbers = pd.Series(counts["count"].to_numpy(), index=index)
    return with_columns([count_rows("findings", numbers, pd.Series(is_hidden.to_numpy(), index=index))])


def takedown_rows(counts: pd.DataFrame) -> pd.DataFrame:
    """Rows of what was removed on request.

    Nothing is hidden: a removal says nothing of what it was.

    Args:
        counts: ``reason`` and ``count``.
    """
    if not len(counts):
        return no_rows()
    cells = [
        (TOTAL, TOTAL, INTERVAL_ALL),
        *(("takedown", reason, INTERVAL_ALL) for reason in counts["reason"]),
    ]
    index = pd.MultiIndex.from_tuples(cells, names=CELL)
    numbers = pd.Series([int(counts["count"].sum()), *counts["count"]], index=index)
    return with_columns([count_rows("takedowns", numbers, pd.Series([False] * len(index), index=index))])


def override_rows(counts: pd.DataFrame) -> pd.DataFrame:
    """Rows of what people decided in place of the program.

    Nothing is hidden: the decisions are published one by one, and labels are those of sources that publish their rows.

    Args:
        counts: ``decision`` and ``count``.
    """
    if not len(counts):
        return no_rows()
    cells = [
        (TOTAL, TOTAL, INTERVAL_ALL),
        *(("override", decision, INTERVAL_ALL) for decision in counts["decision"]),
    ]
    index = pd.MultiIndex.from_tuples(cells, names=CELL)
    numbers = pd.Series([int(counts["count"].sum()), *counts["count"]], index=index)
    return with_columns([count_rows("overrides", numbers, pd.Series([False] * len(index), index=index))])


def said_rows(counts: pd.DataFrame) -> pd.DataFrame:
    """Rows of what was said of each agency's feedback, by class.

    Args:
        counts: ``agency_code``, ``update_class`` and ``count``, of sources that publish their rows alone: nothing has
            to be hidden.
    """
    if not len(counts):
        return no_rows()
    cells = [
        ("agency_class", f"{agency}/{said}", INTERVAL_ALL)
        for agency, said in zip(counts["agency_code"], counts["update_class"], strict=True)
    ]
    index = pd.MultiIndex.from_tuples(cells, names=CELL)
    numbers = pd.Series([int(n) for n in counts["count"]], index=index)
    return with_columns([count_rows("said", numbers, pd.Series([False] * len(index), index=index))])


def label_rows(labels: pd.DataFrame, sources: Sources) -> pd.DataFrame:
    """Rows of the comparison of labels with rules: the confusion table, precision and recall of "is a response".

    Args:
        labels: ``source_id``, ``person_class`` and ``rules_class``, a row for each labelled note.
        sources: what may be done with each source; where a private number is small, nothing of private notes is shown.
    """
    if not len(labels):
        return no_rows()
    pairs = labels["person_class"] + "/" + labels["rules_class"]
    is_private = labels["source_id"].isin(sources.private)
    private = pairs[is_private].value_counts()
    if any(is_small(n) for n in private):
        labels, pairs = labels[~is_private], pairs[~is_private]
        if not len(labels):
            return no_rows()
    table = pairs.value_counts().sort_index()
    cells = [(TOTAL, TOTAL, INTERVAL_ALL), *(("label", pair, INTERVAL_ALL) for pair in table.index)]
    index = pd.MultiIndex.from_tuples(cells, names=CELL)
    none_hidden = pd.Series([False] * len(index), index=index)
    frames = [count_rows("labelled", pd.Series([len(labels), *table], index=index), none_hidden)]
    clear = labels[labels["person_class"] != UNCLEAR]
    by_person, by_rules = clear["person_class"].map(is_response), clear["rules_class"].map(is_response)
    both = int((by_person & by_rules).sum())
    top = index[:1]
    for name, out_of in (("label_precision", by_rules), ("label_recall", by_person)):
        frames.append(
            share_rows(
                name, pd.Series([both], index=top), pd.Series([int(out_of.sum())], index=top), none_hidden[:1]
            )
        )
    return with_columns(frames)


def relevance_rows(counts: pd.DataFrame, sources: Sources, threshold: float | None) -> pd.DataFrame:
    """Rows of what the model read, and of how often rules and model are right where a person looked.

    Args:
        counts: by ``source_id``: ``read``, ``doubted``, ``labelled``, ``counted``, ``feedback`` and ``both`` (of the
            labelled: what rules and model count, what the person calls feedback, and what is both).
        sources: what may be done with each source; where a private number is small, nothing of private ones is shown.
        threshold: the chance from which on a message counts; None where no model read anything.
    """
    columns = ["read", "doubted", "labelled", "counted", "feedback", "both"]
    private = counts[counts["source_id"].isin(sources.private)]
    if any(is_small(int(n)) for n in private[columns].sum()):
        counts = counts[~counts["source_id"].isin(sources.private)]
    total = counts[columns].sum().astype(int)
    if threshold is None or not total["read"]:
        return no_rows()
    top = pd.MultiIndex.from_tuples([(TOTAL, TOTAL, INTERVAL_ALL)], names=CELL)
    shown = pd.Series([False], index=top)
    frames = [
        count_rows(f"relevance_{name}", pd.Series([total[name]], index=top), shown)
        for name in ("read", "doubted")
    ]
    chance = count_rows("relevance_threshold", pd.Series([0], index=top), shown)
    frames.append(chance.assign(value=threshold, numerator=pd.array([pd.NA], dtype="Int64")))
    if total["labelled"]:
        frames.append(count_rows("relevance_labelled", pd.Series([total["labelled"]], index=top), shown))
        frames += [
            share_rows(
                f"relevance_{name}",
                pd.Series([total["both"]], index=top),
                pd.Series([total[out_of]], index=top),
                shown,
            )
            for name, out_of in (("precision", "counted"), ("recall", "feedback"))
        ]
    return with_columns(frames)


def issue_rows(counts: pd.DataFrame) -> pd.DataFrame:
    """Rows of raised, supporters and open for each issue.

    A private number is never shown: issues add up to topics, agencies, areas and months in too many ways, and one of
    eight beside a topic of ten would tell of two.

    Args:
        counts: ``issue_id``, ``is_private`` (of the rows' source), ``raised``, ``supporters``,
            ``supporters_known``, ``open``.
    """
    if not len(counts):
        return no_rows()
    columns = ["raised", "supporters", "supporters_known", "open"]
    total = counts.groupby("issue_id")[columns].sum()
    private = (
        counts[counts["is_private"]].groupby("issue_id")[columns].sum().reindex(total.index, fill_value=0)
    )
    total.index = private.index = pd.MultiIndex.from_tuples(
        [("issue", i, INTERVAL_ALL) for i in total.index], names=CELL
    )
    frames = []
    for name in ("raised", "supporters", "open"):
        is_known = total["supporters_known"] > 0 if name == "supporters" else total["raised"] >= 0
        values = total.loc[is_known, name]
        frames.append(count_rows(name, values, private.loc[is_known, "raised"] > 0))
    return with_columns(frames)
