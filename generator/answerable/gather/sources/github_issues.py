"""Issues of a GitHub repository that were written with this project's two issue forms.

An **official response** is an entry of the register (`answerable.gather.sources.register`): it is read from issues with
the label ``response_label`` that a login of ``authors`` opened, and speaks for the agency that the settings give that
login. What GitHub says of the author's association with the repository is not asked. An issue that was closed as not
planned, or lost the label, withdraws the entry.

A **request to take down** names feedback. It becomes effective when a login of ``takedown_reviewers`` gives it the
label ``takedown_label``, and holds for the text that the first gather after that finds: who opened an issue can edit it
later, and GitHub's list does not say so. What was found is remembered in the cursor (``approved.NUMBER``).

Issues are listed by when they were last changed, each page from the last change of the page before: pages by number
shift while issues change. ``updated`` in the cursor is the last change read.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from answerable.errors import SourceError
from answerable.gather import plain
from answerable.gather.http import Answer, Client
from answerable.gather.live import Batch, Connector, Held, Item, Row
from answerable.gather.records import as_instant
from answerable.live_settings import GithubIssuesSource
from answerable.settings import Settings

__all__ = ["RESPONSE_FIELDS", "TAKEDOWN_FIELD", "connector", "entry_fields", "is_stranger", "takedowns"]

RESPONSE_FIELDS = {
    "kind": "Kind",
    "title": "Title",
    "url": "Where more is said",
    "topics": "Topics",
    "areas": "Areas",
    "feedback": "Feedback that it answers",
    "text": "Text",
}
"""The labels of the form for official responses, in its order. The text comes last: it may hold headings of its own."""

TAKEDOWN_FIELD = "What is to be taken down"
"""The label of the field that names feedback, in the form for requests to take down."""

_PAGE = 100
_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_NOTHING = "_No response_"
_REVIEW = "answerable_review"
"""The key of a payload under which stands who gave the label, and whether the text is still that text."""

_NAMED = re.compile(r"https?://[^\s<>\"'`)\]]+|[a-z0-9]+(?:[-_][a-z0-9]+)*:[^\s<>,;`]+|\b[0-9a-f]{16,32}\b")


# -- passes ------------------------------------------------------------------------------------------------------------


def _discover(client: Client, source: GithubIssuesSource, settings: Settings, held: Held) -> Iterator[Batch]:
    del settings
    known = as_instant(held.cursor.get("updated", ""))
    since = known - timedelta(hours=source.overlap_hours) if known is not None else held.floor
    since = held.since or since
    # A list that was read to its end and has not changed need not be sent again.
    answer = _list(client, source, since, allow=(304,) if held.cursor.get("is_whole") else ())
    if answer.status == 304:
        return
    seen: set[str] = set()
    is_linked = False
    while True:
        issues = _issues(answer)
        found = [issue for issue in issues if _number(issue) is not None]
        items = [
            _item(client, source, held, issue)
            for issue in found
            if "pull_request" not in issue and (_is_wanted(issue, source) or _number(issue) in held.ids)
        ]
        changes = [at for at in (as_instant(issue.get("updated_at")) for issue in found) if at is not None]
        last = max(changes, default=None)
        fresh = {f"{_number(i)} {i.get('updated_at')}" for i in found} - seen
        seen |= fresh
        # A page that was linked and brings nothing new would be followed for ever.
        following = answer.links.get("next") if fresh or not is_linked else None
        cursor = {"is_whole": "" if following else "1"}
        # A look further back that somebody asked for moves nothing backwards.
        if last is not None and (known is None or last > known):
            cursor["updated"] = last.isoformat()
        yield Batch(
            [item for item, _ in items],
            unreadable=len(issues) - len(found),
            cursor=cursor | {name: value for _, noted in items for name, value in noted.items()},
        )
        if not following:
            return
        if last is not None and (since is None or last > since):
            since, is_linked = last, False
            answer = _list(client, source, since)
        else:
            # More issues than a page holds were changed in one second.
            is_linked = True
            answer = client.get(following, headers=_headers(client))


def _refresh(client: Client, source: GithubIssuesSource, settings: Settings, held: Held) -> Iterator[Batch]:
    """Nothing: whatever happens to an issue changes its place in the list."""
    del client, source, settings, held
    return iter(())


def _sweep(client: Client, source: GithubIssuesSource, settings: Settings, held: Held) -> Iterator[Batch]:
    """Asks for single issues whether they still exist, in this repository."""
    del settings
    for number in held.unswept:
        address = f"{source.server}/repos/{source.repository}/issues/{number}"
        answer = client.get(address, headers=_headers(client), allow=(404, 410))
        issue = None if answer.status in (404, 410) else answer.json()
        # An issue that was moved to another repository is answered from there.
        home = str(plain.field(issue, "repository_url") or source.repository).casefold()
        if not isinstance(issue, dict) or not home.endswith(source.repository.casefold()):
            yield Batch(gone=[number])
            continue
        item, noted = _item(client, source, held, issue)
        yield Batch([item] if item.record_id == number else [], cursor=noted)


def _list(
    client: Client, source: GithubIssuesSource, since: datetime | None, allow: Sequence[int] = ()
) -> Answer:
    params = {
        "state": "all",
        "sort": "updated",
        "direction": "asc",
        "per_page": min(source.page_size or _PAGE, _PAGE),
        "since": None if since is None else f"{since:%Y-%m-%dT%H:%M:%SZ}",
    }
    address = f"{source.server}/repos/{source.repository}/issues"
    return client.get(address, params, headers=_headers(client), allow=allow)


def _headers(client: Client) -> dict[str, str]:
    token = client.secret("token_env")
    return _HEADERS | ({"Authorization": f"Bearer {token}"} if token else {})


def _issues(answer: Answer) -> Sequence[Mapping[str, Any]]:
    value = answer.json()
    if not isinstance(value, list):
        raise SourceError(
            f"{answer.address} gave no list", remedy="check `server` and `repository` in data/sources.yml"
        )
    return [one if isinstance(one, dict) else {} for one in value]


def _item(
    client: Client, source: GithubIssuesSource, held: Held, issue: Mapping[str, Any]
) -> tuple[Item, Mapping[str, str]]:
    """An issue; with a request to take down goes who approved it, and with what text."""
    number = _number(issue) or ""
    payload = {name: value for name, value in issue.items() if name not in (_REVIEW, "reactions")}
    if source.takedown_label not in _labels(issue):
        return Item(number, payload), {}
    event = _labelled(client, source, number)
    if event is None:
        return Item(number, payload), {}
    actor = plain.string(plain.field(event, "actor", "login")) or ""
    mark = hashlib.blake2b(_body(issue).encode("utf-8", "replace"), digest_size=12).hexdigest()
    event_id = plain.identifier(event.get("id")) or ""
    name = f"approved.{number}"
    before_event, _, before_mark = held.cursor.get(name, "").partition(" ")
    is_same = before_event != event_id or before_mark == mark
    payload[_REVIEW] = {"actor": actor, "is_same_text": is_same}
    return Item(number, payload), {name: f"{event_id} {mark}"} if before_event != event_id else {}


def _labelled(client: Client, source: GithubIssuesSource, number: str) -> Mapping[str, Any] | None:
    """The event by which an issue last got the label of requests to take down."""
    found: Mapping[str, Any] | None = None
    address: str | None = f"{source.server}/repos/{source.repository}/issues/{number}/events?per_page={_PAGE}"
    asked: set[str] = set()
    while address is not None and address not in asked:
        asked.add(address)
        answer = client.get(address, headers=_headers(client), allow=(404, 410))
        if answer.status in (404, 410):
            return None
        for event in _issues(answer):
            label = plain.field(event, "label", "name")
            if event.get("event") == "labeled" and label == source.takedown_label:
                found = event
        address = answer.links.get("next")
    return found


# -- what an issue says ------------------------------------------------------------------------------------------------


def entry_fields(item: Item, source: GithubIssuesSource) -> Mapping[str, Any] | None:
    """The entry of the register that an issue is: the fields of ``register.Entry``, and ``text``.

    None where it is no response, or was withdrawn, or where its author may not speak for anybody.
    """
    issue = item.payload
    if not _is_response(issue, source):
        return None
    agency = _agency(issue, source)
    if agency is None:
        return None
    form = _sections(_body(issue), tuple(RESPONSE_FIELDS.values()))
    given = {name: form.get(label, "") for name, label in RESPONSE_FIELDS.items()}
    return {
        "id": f"{source.id}-{item.record_id}",
        "kind": given["kind"].casefold(),
        "agency": agency,
        "responded_at": _utc(issue.get("created_at")),
        "title": given["title"] or plain.string(issue.get("title")) or "",
        # GitHub's own address of the issue, where no other is given: anybody can see where it was put on the record.
        "url": given["url"] or plain.string(issue.get("html_url")) or "",
        "topics": _words(given["topics"]),
        "areas": _words(given["areas"]),
        "feedback": _words(given["feedback"]),
        "text": given["text"],
    }


def is_stranger(item: Item, source: GithubIssuesSource) -> bool:
    """Whether an issue would be a response, had its author been one of those who may speak for an agency."""
    return _is_response(item.payload, source) and _agency(item.payload, source) is None


def takedowns(item: Item, source: GithubIssuesSource) -> Sequence[str]:
    """The addresses and identifiers of feedback that an approved request names; empty for anything else."""
    issue = item.payload
    review = issue.get(_REVIEW)
    actor = str(plain.field(review, "actor") or "").casefold()
    if (
        source.takedown_label not in _labels(issue)
        or _is_withdrawn(issue)
        or actor not in {login.casefold() for login in source.takedown_reviewers}
        or plain.field(review, "is_same_text") is not True
    ):
        return ()
    named = _sections(_body(issue), (TAKEDOWN_FIELD,)).get(TAKEDOWN_FIELD, "")
    # Only this section: the form's other fields are for people.
    named = re.split(r"^### ", named, maxsplit=1, flags=re.MULTILINE)[0]
    return tuple(dict.fromkeys(found.rstrip(".,;") for found in _NAMED.findall(named)))


def _is_response(issue: Mapping[str, Any], source: GithubIssuesSource) -> bool:
    return (
        source.response_label in _labels(issue) and not _is_withdrawn(issue) and "pull_request" not in issue
    )


def _is_wanted(issue: Mapping[str, Any], source: GithubIssuesSource) -> bool:
    return bool({source.response_label, source.takedown_label} & _labels(issue))


def _is_withdrawn(issue: Mapping[str, Any]) -> bool:
    return issue.get("state") == "closed" and issue.get("state_reason") in ("not_planned", "duplicate")


def _agency(issue: Mapping[str, Any], source: GithubIssuesSource) -> str | None:
    """The agency that an issue's author may speak for; logins are the same in any case."""
    login = plain.string(plain.field(issue, "user", "login"))
    by_login = {name.casefold(): agency for name, agency in source.authors.items()}
    return by_login.get(login.casefold()) if login else None


def _labels(issue: Mapping[str, Any]) -> frozenset[str]:
    found = (
        one if isinstance(one, str) else plain.field(one, "name") for one in plain.listed(issue.get("labels"))
    )
    return frozenset(name for name in found if isinstance(name, str))


def _number(issue: Mapping[str, Any]) -> str | None:
    number = issue.get("number")
    return str(number) if isinstance(number, int) and not isinstance(number, bool) else None


def _body(issue: Mapping[str, Any]) -> str:
    body = issue.get("body")
    # An issue that was edited on the web has the line ends of a form.
    return body.replace("\r\n", "\n") if isinstance(body, str) else ""


def _sections(body: str, labels: Sequence[str]) -> dict[str, str]:
    """What was filled in, by the label of the field. Labels are looked for in the form's order, each once."""
    places: list[tuple[str, int, int]] = []
    at = 0
    for label in labels:
        match = re.compile(rf"^### {re.escape(label)}[ \t]*$", re.MULTILINE).search(body, at)
        if match is not None:
            places.append((label, match.start(), match.end()))
            at = match.end()
    ends = [*(start for _, start, _ in places[1:]), len(body)]
    # A body without any of the labels has one end and no place.
    found = {label: body[begin:end].strip() for (label, _, begin), end in zip(places, ends, strict=False)}
    return {label: "" if text == _NOTHING else text for label, text in found.items()}


def _words(text: str) -> tuple[str, ...]:
    """Words between spaces, commas and line ends, without the marks of a list; ticked boxes of a list of boxes."""
    lines = text.splitlines()
    boxes = [match for match in (re.match(r"\s*[-*] \[([ xX])\] (.*)", line) for line in lines) if match]
    if boxes:
        lines = [match[2] for match in boxes if match[1] != " "]
    words = (word.strip("`<>\"'") for line in lines for word in re.split(r"[\s,;]+", line))
    return tuple(dict.fromkeys(word for word in words if word and word not in ("-", "*")))


def _utc(value: object) -> str | None:
    """An instant with its zone, as the register's entries need it; None where it is none."""
    found = as_instant(value)
    return None if found is None else f"{found.isoformat()}+00:00"


def _no_rows(item: Item, source: GithubIssuesSource) -> Sequence[Row]:
    """None: an issue is no feedback."""
    del item, source
    return ()


connector = Connector(
    mapped=(), discover=_discover, refresh=_refresh, sweep=_sweep, rows=_no_rows, form="register"
)
