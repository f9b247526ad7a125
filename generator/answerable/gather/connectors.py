"""Which connector asks each kind of live source."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from answerable.gather.sources import (
    alaveteli,
    bluesky,
    ckan,
    discourse,
    feed,
    github_issues,
    mastodon,
    open311,
    reddit,
    snscrape,
    socrata,
    uk_petitions,
    x,
)
from answerable.live_settings import (
    AlaveteliSource,
    BlueskySource,
    CkanSource,
    DiscourseSource,
    FeedSource,
    GithubIssuesSource,
    MastodonSource,
    Open311Source,
    RedditSource,
    SnscrapeSource,
    SocrataSource,
    UkPetitionsSource,
    XSource,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from answerable.gather.live import Connector

__all__ = ["CONNECTORS"]

CONNECTORS: Mapping[type[Any], Connector] = MappingProxyType(
    {
        AlaveteliSource: alaveteli.connector,
        BlueskySource: bluesky.connector,
        CkanSource: ckan.connector,
        DiscourseSource: discourse.connector,
        FeedSource: feed.connector,
        GithubIssuesSource: github_issues.connector,
        MastodonSource: mastodon.connector,
        Open311Source: open311.connector,
        RedditSource: reddit.connector,
        SnscrapeSource: snscrape.connector,
        SocrataSource: socrata.connector,
        UkPetitionsSource: uk_petitions.connector,
        XSource: x.connector,
    }
)
"""The connector of each kind of live source."""
