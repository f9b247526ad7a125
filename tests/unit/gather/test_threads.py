from __future__ import annotations

from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from answerable.gather.threads import find_roots
from answerable.store import Store

POSTS = {"record_id": "id", "created_at": "at", "author": "who", "text": "said", "reply_to_id": "to"}


def oracle(posts: dict[str, tuple[str | None, str | None, bool]]) -> dict[str, str]:
    """The root of each post by walking up, one step at a time: parent, hint of the source, whether official."""

    def above(name: str) -> str | None:
        parent, hint, _ = posts[name]
        if parent is not None and parent != name and parent in posts:
            return parent
        return hint if hint is not None and hint != name and hint in posts else None

    def climb(name: str) -> str | None:
        way = [name]
        while (up := above(way[-1])) is not None:
            if up in way:
                return None
            way.append(up)
        people = [n for n in way if not posts[n][2]]
        return people[-1] if people else way[-1]

    return {name: climb(name) or name for name in posts}


NAMES = st.sampled_from([f"p{n}" for n in range(12)])


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    posts=st.dictionaries(
        NAMES, st.tuples(st.none() | NAMES, st.none() | NAMES, st.booleans()), min_size=1, max_size=12
    )
)
def test_roots_are_those_of_a_walk_up(
    tmp_path: Path, posts: dict[str, tuple[str | None, str | None, bool]]
) -> None:
    # Circles are tried by the test below: a walk and a doubling leave them at different places.
    expected = oracle(posts)
    table = pa.table(
        {
            "record_id": list(posts),
            "reply_to_id": pa.array([p for p, _, _ in posts.values()], pa.string()),
            "conversation_id": pa.array([h for _, h, _ in posts.values()], pa.string()),
            "is_official": [o for _, _, o in posts.values()],
        }
    )
    with Store.open(tmp_path / "store") as store, store.scratch() as folder:
        found = store.con.to_pyarrow(find_roots(store, ibis.memtable(table), folder)).to_pylist()
    roots = {row["record_id"]: row["root_id"] for row in found}
    assert set(roots) == set(posts)
    circles = {n for n in posts if _is_in_circle(n, posts)}
    if not circles:
        assert roots == expected
    # Whatever the data say, a root is its own root.
    assert all(roots[root] == root for root in roots.values())


def _is_in_circle(name: str, posts: dict[str, tuple[str | None, str | None, bool]]) -> bool:
    seen: set[str] = set()
    current: str | None = name
    while current is not None and current not in seen:
        seen.add(current)
        parent, hint, _ = posts[current]
        if parent is not None and parent != current and parent in posts:
            current = parent
        elif hint is not None and hint != current and hint in posts:
            current = hint
        else:
            return False
    return True


def test_an_answer_to_an_agency_s_own_post_begins_a_conversation(project: Any, at: Any) -> None:
    project.write(
        "data/in/a.csv",
        "id,at,who,said,to\n"
        "1,2024-01-01 08:00:01,CityStreets,What should we mend? #Mend,\n"
        "2,2024-01-01 09:00:01,ana,The lamp on Quay Street,1\n"
        "3,2024-02-01 10:00:01,@citystreets,Mended today,2\n"
        "4,2024-02-01 11:00:01,bo,Here too,3\n"
        "5,2024-02-01 12:00:01,CityStreets,We look into it,99\n"
        "6,2024-02-01 12:30:01,ana,Thanks,3\n",
    )
    project.add(kind="post", columns=POSTS)
    project.gather()
    rows = {r["record_id"]: r for r in project.rows("feedback")}
    assert {n: r["conversation_id"] for n, r in rows.items()} == {
        "1": "1",
        "2": "2",
        "3": "2",
        "4": "2",
        "5": "5",
        "6": "2",
    }
    assert [n for n, r in rows.items() if r["is_official"]] == ["1", "3", "5"]
    assert rows["2"]["support_count"] == 2
    (reply,) = project.rows("feedback_update", kind="replied")
    assert reply["feedback_id"] == rows["2"]["feedback_id"]
    assert (reply["at"], reply["month"], reply["agency_code"]) == (
        at("2024-02-01T10:00:01"),
        "2024-01",
        "streets",
    )
    (lost,) = project.rows("finding", finding_code="reply_without_parent")
    assert lost["record_id"] == "5"


def test_a_circle_of_replies_leaves_each_alone(project: Any) -> None:
    project.write(
        "data/in/a.csv",
        "id,at,who,said,to\n1,2024-01-01 08:00:01,a,x,3\n2,2024-01-01 08:00:02,b,x,1\n3,2024-01-01 08:00:03,c,x,2\n"
        "4,2024-01-01 08:00:04,d,x,4\n",
    )
    project.add(kind="post", columns=POSTS)
    project.gather()
    rows = project.rows("feedback")
    roots = {r["record_id"]: r["conversation_id"] for r in rows}
    assert all(roots[root] == root for root in roots.values())
    assert roots["4"] == "4"


def test_hashtags_and_accounts_are_read_from_the_text(project: Any) -> None:
    project.write(
        "data/in/a.csv",
        "id,at,who,said,to\n"
        '1,2024-01-01 08:00:01,a,"(@CityStreets) #Straßen #Mend2day, '
        'a@b.example &#39; @waterboard@social.example. #7",\n',
    )
    project.add(kind="post", columns=POSTS)
    project.gather()
    (row,) = project.rows("feedback")
    assert row["mentions"] == "citystreets waterboard@social.example"
    assert row["hashtags"] == "mend2day straßen"
