"""The whole story on a small project: what makes a build do its work again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from answerable.build import build

FILES: dict[str, dict[str, Any]] = {
    "site": {
        "site": {
            "name": "Test",
            "description": "A test",
            "url": "https://feedback.example/",
            "publisher": "Nobody",
            "contact": "nobody@feedback.example",
        }
    },
    "agencies": {"agencies": [{"code": "streets", "name": "Streets Department"}]},
    "topics": {
        "services": [{"code": "roads", "name": "Roads", "agency": "streets"}],
        "topics": [{"code": "holes", "name": "Holes", "service": "roads", "phrases": ["hole"]}],
    },
    "sources": {
        "sources": [
            {
                "id": "portal",
                "name": "Portal",
                "connector": "table",
                "kind": "service_request",
                "licence": {"name": "CC0"},
                "publish_rows": True,
                "path": "requests.csv",
                "columns": {"record_id": "id", "created_at": "opened", "text": "text"},
            }
        ]
    },
}


def test_a_source_that_came_back_as_it_was_is_not_called_stale(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name, content in FILES.items():
        (tmp_path / "data" / f"{name}.yml").write_text(json.dumps(content), "utf-8")
    source, away = tmp_path / "requests.csv", tmp_path / "away"
    source.write_text("id,opened,text\n1,2024-01-02 08:00,A hole\n2,2024-01-03 08:00,Another hole\n", "utf-8")

    def is_called_stale() -> bool:
        return "could not be read since" in (tmp_path / "build/site/index.html").read_text("utf-8")

    assert not build(tmp_path).is_unchanged
    assert not is_called_stale()
    source.rename(away)
    assert [r.result for r in build(tmp_path).receipts] == ["failed"]
    assert is_called_stale()
    away.rename(source)
    assert not build(tmp_path).is_unchanged
    assert not is_called_stale()
    assert build(tmp_path).is_unchanged
