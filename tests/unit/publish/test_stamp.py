"""A shell is cut at its marks and filled; a theme that lost a mark is found out."""

import pytest

from answerable.errors import PublishError
from answerable.publish.policy import policy, with_policy
from answerable.publish.stamp import BODY, DESCRIPTION, SHELL, TITLE, activate_tab, cut, shell_source

PAGE = (
    f'<html><head><meta charset="utf-8"><title>{TITLE} - Site</title><meta name="description" content="{DESCRIPTION}">'
    f'<link rel="canonical" href="https://x.example/issues/{SHELL}/"></head><body><span>{TITLE}</span><h1>{TITLE}</h1>'
    f'<div id="{BODY}"></div></body></html>'
)


def test_every_mark_is_filled() -> None:
    shell = cut(PAGE, "issues")
    page = shell.fill(title="A &lt;b&gt;", description="d", path="issues/a-1/", body="<p>é</p>").decode()
    assert page == (
        '<html><head><meta charset="utf-8"><title>A &lt;b&gt; - Site</title><meta name="description" content="d">'
        '<link rel="canonical" href="https://x.example/issues/a-1/"></head><body><span>A &lt;b&gt;</span>'
        "<h1>A &lt;b&gt;</h1><p>é</p></body></html>"
    )


def test_marks_in_a_record_are_only_text() -> None:
    page = cut(PAGE, "issues").fill(title=TITLE, description=DESCRIPTION, path="p/", body=BODY).decode()
    assert page.count(TITLE) == 3
    assert page.count(BODY) == 1


@pytest.mark.parametrize(
    "lost", [f"<h1>{TITLE}</h1>", f'<div id="{BODY}"></div>', f'content="{DESCRIPTION}"']
)
def test_a_lost_mark_is_an_error(lost: str) -> None:
    with pytest.raises(PublishError, match="places for its"):
        cut(PAGE.replace(lost, ""), "issues")


def test_the_source_holds_every_mark() -> None:
    source = shell_source("issues")
    assert source.count(TITLE) == 2
    assert DESCRIPTION in source
    assert BODY in source


def test_the_tab_of_the_section_is_marked() -> None:
    html = '<li class="md-tabs__item">\n <a href="../" class="md-tabs__link">Issues</a></li>'
    assert 'class="md-tabs__item md-tabs__item--active"' in activate_tab(html, ("../",))
    assert activate_tab(html, ("../../",)) == html


def test_the_policy_names_each_inline_script_once() -> None:
    html = '<meta charset="utf-8"><script>a()</script><script>a()</script><script src="x.js"></script>'
    html += '<script id="__config" type="application/json">{}</script><script id="x">b()</script>'
    assert policy(html).count("'sha256-") == 2
    assert "unsafe" not in policy(html)
    once = with_policy(html)
    assert once.startswith('<meta charset="utf-8"><meta http-equiv="Content-Security-Policy"')
    assert with_policy(once) == once
