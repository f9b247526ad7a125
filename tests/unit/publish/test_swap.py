"""A folder takes another's place at one stroke; what has not changed keeps its file."""

from pathlib import Path

import pytest

from answerable.errors import PublishError
from answerable.publish import swap


def tree(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize("has_exchange", [True, False])
def test_the_new_folder_takes_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_exchange: bool
) -> None:
    if not has_exchange:
        monkeypatch.setattr(swap, "_exchange", lambda one, other: False)
    old, new = tree(tmp_path / "site", a="1", gone="x"), tree(tmp_path / "new", a="2")
    swap.swap_in(new, old)
    assert [p.name for p in old.iterdir()] == ["a"]
    assert (old / "a").read_text() == "2"
    assert [p.name for p in tmp_path.iterdir()] == ["site"]


def test_a_first_folder_is_put_in_place(tmp_path: Path) -> None:
    swap.swap_in(tree(tmp_path / "new", a="1"), tmp_path / "deep" / "site")
    assert (tmp_path / "deep" / "site" / "a").read_text() == "1"


def test_what_cannot_be_moved_leaves_the_old_site(tmp_path: Path) -> None:
    old = tree(tmp_path / "site", a="1")
    with pytest.raises(PublishError):
        swap.swap_in(tmp_path / "missing", old)
    assert (old / "a").read_text() == "1"


def test_unchanged_files_are_the_same_files(tmp_path: Path) -> None:
    old, new = (
        tree(tmp_path / "old", same="s", other="1"),
        tree(tmp_path / "new", same="s", other="2", more="3"),
    )
    assert swap.keep_unchanged(new, old) == (1, 2)
    assert (new / "same").samefile(old / "same")
    assert (new / "other").read_text() == "2"
    assert (old / "other").read_text() == "1"


def test_a_written_file_is_the_old_one_where_nothing_changed(tmp_path: Path) -> None:
    old = tree(tmp_path / "old", page="x" * 3_000_000)
    swap.write_file(str(tmp_path / "same"), b"x" * 3_000_000, str(old / "page"))
    swap.write_file(str(tmp_path / "longer"), b"x" * 3_000_001, str(old / "page"))
    swap.write_file(str(tmp_path / "first"), b"y", str(old / "missing"))
    assert (tmp_path / "same").samefile(old / "page")
    assert (tmp_path / "longer").stat().st_size == 3_000_001
    assert (tmp_path / "first").read_bytes() == b"y"
