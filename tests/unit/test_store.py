"""The store through its public door, with a real DuckDB and real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from answerable.errors import StoreBusyError, StoreError
from answerable.store import Store


def links(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    """Rows of issue_feedback: feedback_id, source_id, month, issue_id."""
    frame = pd.DataFrame(rows, columns=["feedback_id", "source_id", "month", "issue_id"], dtype="string")
    return frame.assign(base_issue_id=frame.issue_id, method="place")


def held(store: Store) -> set[tuple[str, str]]:
    frame = store.frame(store.read("issue_feedback"))
    return set(zip(frame.feedback_id, frame.issue_id, strict=True))


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        with store.transaction():
            written = store.write(
                "issue_feedback", links(("a", "p", "2024-01", "x"), ("b", "p", "2024-02", "x"))
            )
        assert written.row_count == 2
        assert written.changed_months == ("2024-01", "2024-02")
    with Store.open(tmp_path) as store:
        assert held(store) == {("a", "x"), ("b", "x")}
        assert store.months("issue_feedback") == ("2024-01", "2024-02")
        only = store.frame(store.read("issue_feedback", months=["2024-02"]))
        assert list(only.feedback_id) == ["b"]


def test_a_table_that_was_never_written_is_empty_with_its_columns(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        frame = store.frame(store.read("feedback"))
    assert len(frame) == 0
    assert {"feedback_id", "created_at", "text"} <= set(frame.columns)


def test_a_write_replaces_its_scope_and_nothing_else(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        with store.transaction():
            store.write("issue_feedback", links(("a", "p", "2024-01", "x"), ("b", "q", "2024-01", "x")))
        with store.transaction():
            store.write("issue_feedback", links(("c", "p", "2024-03", "y")), source_id="p")
        assert held(store) == {("b", "x"), ("c", "y")}
        with store.transaction():
            store.write("issue_feedback", links(), months=["2024-03"])
        assert held(store) == {("b", "x")}


def test_a_row_outside_the_scope_is_refused(tmp_path: Path) -> None:
    with (
        Store.open(tmp_path) as store,
        pytest.raises(StoreError, match="outside the scope"),
        store.transaction(),
    ):
        store.write("issue_feedback", links(("a", "p", "2024-01", "x")), source_id="q")


def test_equal_rows_keep_their_file_and_their_digest(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        with store.transaction():
            store.write("issue_feedback", links(("a", "p", "2024-01", "x"), ("b", "p", "2024-01", "y")))
        before, digest = store.partitions("issue_feedback"), store.digest("issue_feedback")
        with store.transaction():
            again = store.write(
                "issue_feedback", links(("b", "p", "2024-01", "y"), ("a", "p", "2024-01", "x"))
            )
        assert again.changed_months == ()
        assert store.partitions("issue_feedback") == before
        assert store.digest("issue_feedback") == digest
        with store.transaction():
            store.write("issue_feedback", links(("b", "p", "2024-01", "y"), ("a", "p", "2024-01", "z")))
        assert store.digest("issue_feedback") != digest


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (links(("a", "p", "2024-01", "x"), ("a", "p", "2024-01", "y")), "repeat the key"),
        (links(("a", "p", "2024-01", "x")).assign(method=None), "method is empty"),
        (links(("a", "p", "2024-01", "x")).drop(columns="method"), "missing columns method"),
        (links(("a", "p", "2024-01", "x")).assign(colour="red"), "unknown columns colour"),
    ],
)
def test_rows_that_break_the_schema_are_refused_and_leave_no_trace(
    tmp_path: Path, frame: pd.DataFrame, message: str
) -> None:
    with Store.open(tmp_path) as store:
        with store.transaction():
            store.write("issue_feedback", links(("k", "p", "2024-01", "x")))
        with pytest.raises(StoreError, match=message), store.transaction():
            store.write("issue_feedback", frame)
        assert held(store) == {("k", "x")}


def test_a_value_outside_a_closed_list_is_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "finding_id": ["1"],
            "source_id": ["p"],
            "finding_code": ["surprise"],
            "record_id": [None],
            "file_name": [None],
            "line": [None],
            "column_name": [None],
            "row_count": [1],
            "value": [None],
        }
    )
    with (
        Store.open(tmp_path) as store,
        pytest.raises(StoreError, match="finding_code holds a value outside"),
        store.transaction(),
    ):
        store.write("finding", frame)


def test_an_error_inside_a_transaction_undoes_all_of_it(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        with pytest.raises(RuntimeError), store.transaction():  # noqa: PT012
            store.write("issue_feedback", links(("a", "p", "2024-01", "x")))
            store.set_mark("step", "1")
            store.records.keep("p", {"1": "{}"}, at=datetime(2024, 1, 1))  # noqa: DTZ001
            raise RuntimeError
        assert held(store) == set()
        assert store.mark("step") == ""
        assert store.records.payloads("p") == {}
    with Store.open(tmp_path) as store:
        assert held(store) == set()


def test_writing_outside_a_transaction_is_refused(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store, pytest.raises(StoreError, match="outside a transaction"):
        store.write("issue_feedback", links())


def test_a_changed_record_is_a_new_revision_and_a_missing_one_is_gone(tmp_path: Path) -> None:
    days = [datetime(2024, 1, day) for day in (1, 2, 3, 4)]  # noqa: DTZ001
    with Store.open(tmp_path) as store:
        for day, payloads in zip(
            days,
            [{"1": "a", "2": "b"}, {"1": "a2"}, {"1": "a2", "2": "b"}, {"1": "a2", "2": "b"}],
            strict=True,
        ):
            with store.transaction():
                store.records.keep("p", payloads, at=day)
                store.records.end_others("p", pa.table({"record_id": list(payloads)}), at=day)
            assert store.records.payloads("p") == payloads
        with store.transaction():
            store.records.keep("p", {"3": "c"}, at=days[3])
        assert store.records.payloads("p") == {"1": "a2", "2": "b", "3": "c"}


def test_a_reader_sees_the_last_commit_while_a_writer_is_at_work(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        with store.transaction():
            store.write("issue_feedback", links(("a", "p", "2024-01", "x")))
        with store.transaction():
            store.write("issue_feedback", links(("b", "p", "2024-01", "x")))
            with Store.open(tmp_path, is_writer=False) as reader:
                assert held(reader) == {("a", "x")}
        with Store.open(tmp_path, is_writer=False) as reader:
            assert held(reader) == {("b", "x")}


def test_a_second_writer_is_told_who_holds_the_store(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from answerable.store import Store\n"
        "with Store.open(Path(sys.argv[1])): print('open', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(StoreBusyError, match=str(other.pid)), Store.open(tmp_path):
            pass
    finally:
        other.communicate("")


def test_reading_before_anything_was_gathered_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="answerable build"), Store.open(tmp_path / "none", is_writer=False):
        pass


def test_a_file_that_is_not_a_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "answerable.duckdb").write_text(
        "not a database, but long enough to look like a file of one" * 100
    )
    with pytest.raises(StoreError, match=r"answerable\.duckdb"), Store.open(tmp_path):
        pass


def test_what_a_killed_writer_left_is_swept_and_the_state_is_whole(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store, store.transaction():
        store.write("issue_feedback", links(("a", "p", "2024-01", "x")))
    orphan = tmp_path / "tables" / "issue_feedback" / "g000099-0001" / "rows.parquet"
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"half a file")
    (tmp_path / "snapshot.json").write_text(json.dumps({"generation": 0, "marks": {}, "partitions": []}))
    with Store.open(tmp_path) as store:
        assert held(store) == {("a", "x")}
    assert not orphan.exists()
    with Store.open(tmp_path, is_writer=False) as reader:
        assert held(reader) == {("a", "x")}
