"""The fixtures themselves: a page is served, seen, and nothing but the page's own host is asked."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser


@pytest.mark.parametrize("is_scripted", [True, False])
def test_a_served_page_is_seen(
    browser: Browser, serve: Callable[[Path], str], tmp_path: Path, is_scripted: bool
) -> None:
    (tmp_path / "index.html").write_text(
        "<!doctype html><html lang=en><title>t</title><h1>as built</h1>"
        "<script>document.querySelector('h1').textContent = 'changed'</script>",
        encoding="utf-8",
    )
    asked: list[str] = []
    base_url = serve(tmp_path)
    with browser.new_context(java_script_enabled=is_scripted) as context:
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{base_url}/")
        assert page.locator("h1").inner_text() == ("changed" if is_scripted else "as built")
    assert asked
    assert all(url.startswith(f"{base_url}/") for url in asked)
