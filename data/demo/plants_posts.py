"""Posts that are planted by themselves: of problems, in more languages, with known intents; floods, copies, answers.

See plants.py for the rest, and for why everything draws from generators of its own.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from city import Message, Street, days_later, fill, load_messages, lognormal, to_local
from plants import MORE, Plants, Problem, local_instant
from posts_file import HOURS, RESPONSES, Feed, Post
from requests_file import Request

SHARE_UND = 0.4  # posts in other languages of which the archive does not say the language
EMOJI = ("🙏", "😡", "📢", "👇", "💙", "‼️", "🚍", "😢")
SLIPS = (
    ("minutes", "mins"),
    ("the ", "teh "),
    ("have", "hav"),
    ("know", "konw"),
    ("house", "huose"),
    ("que", "q"),
)
CROWDS = {"brigade": 40, "wave": 30, "giveaway": 14, "bot": 30, "copies": 9, "templates": 12}


@dataclass
class PlantedPosts:
    """Adds the planted posts to a feed. `rows` are the requests, for official posts that name one."""

    plants: Plants
    rows: list[tuple[str, Request]]

    def plant(self, feed: Feed) -> None:
        """Add all of them."""
        for problem in self.plants.problems:
            posts = self._problem(feed, problem)
            self._replies(feed, problem, posts)
        self._languages(feed)
        self._wants(feed)
        self._copies(feed)
        self._templates(feed)
        self._brigade(feed)
        self._wave(feed)
        self._noise(feed)
        self._elsewhere(feed)
        self._personal(feed)

    # -- one post ----------------------------------------------------------------------------------------------------

    def _say(
        self,
        feed: Feed,
        rng: random.Random,
        text: str,
        at: datetime,
        *,
        author: str,
        lang: str = "en",
        **of: Any,
    ) -> Post:
        """One post of feedback or of noise; `of` says what it is (the fields of `Post`)."""
        post = Post(at, author, text, lang, of.pop("truth", "feedback"), len(feed.posts), **of)
        if lang != "en" and rng.random() < SHARE_UND:
            post.shown_lang = "und"
        return feed.add(post)

    def _addressed(self, feed: Feed, rng: random.Random, text: str, agency: str) -> str:
        """Who it is written to, as people write it."""
        account, form = feed.account(agency), rng.random()
        if form < 0.48:
            return f"@{account} {text}"
        if form < 0.66:
            return f"{text} @{account}"
        return f"{text} #Merrowport" if form < 0.8 else text

    def _strangers(self, count: int) -> list[str]:
        return [self.plants.people.handle() for _ in range(count)]

    def _any_time(self, rng: random.Random, days: float = 720) -> datetime:
        """Some instant of the last years, by day."""
        at = days_later(self.plants.city.as_of, -rng.uniform(3, days))
        hour = rng.choices(range(24), HOURS)[0]
        return at.replace(hour=(hour + 4) % 24, minute=rng.randrange(60), second=rng.randrange(60))

    # -- problems ----------------------------------------------------------------------------------------------------

    def _problem(self, feed: Feed, problem: Problem) -> list[Post]:
        """Distinct people, half of whom wrote before, in the order of the file."""
        plants, rng = self.plants, self.plants.rng(f"{problem.name} posts")
        count = len(problem.posts)
        authors = [*rng.sample(feed.crowd, count // 2), *self._strangers(count - count // 2)]
        rng.shuffle(authors)
        instants = plants.instants(problem, count, rng, HOURS)
        agency = plants.city.agency_of(problem.facts["category"])
        topic = plants.city.facts["posts"][problem.facts["group"]]["topic"]
        posts = []
        for message, author, at in zip(problem.posts, authors, instants, strict=True):
            area = plants.place_in(message.text)
            area = area if area in problem.facts["areas"] else rng.choice(problem.facts["areas"])
            street = next((s for s in plants.city.streets[area] if s.name in message.text), None)
            street = street or plants.street(
                rng.choice([s for s in problem.facts["streets"] if plants.street(s).area == area])
            )
            posts.append(
                self._say(
                    feed, rng, self._addressed(feed, rng, message.text, agency), at, author=author, lang=message.lang,
                    area=area, point=plants.city.point_on(street, rng) if rng.random() < 0.25 else None,
                    group=problem.facts["group"], topic=topic, agency=agency, plant=f"problem {problem.name}",
                )
            )  # fmt: skip
        return posts

    def _replies(self, feed: Feed, problem: Problem, posts: list[Post]) -> None:
        rng = self.plants.rng(f"{problem.name} replies")
        for message in problem.replies:
            post = next(p for p in posts if message.words[0] in p.text)
            at = days_later(post.at, lognormal(rng, 0.3, 0.5))
            if at < self.plants.city.as_of:
                self._reply(feed, post, message.about[0], message.text, at)

    def _reply(self, feed: Feed, post: Post, update_class: str, text: str, at: datetime) -> Post:
        return feed.add(
            Post(
                at, feed.account(post.agency), f"@{post.author} {text}", "en", "official_reply", len(feed.posts),
                parent=post, area=post.area, group=post.group, topic=post.topic, agency=post.agency,
                update_class=update_class, plant="reply",
            )
        )  # fmt: skip

    # -- languages and intents ---------------------------------------------------------------------------------

    def _languages(self, feed: Feed) -> None:
        """Posts in German, French and Portuguese, each text once."""
        for lang in ("de", "fr", "pt"):
            rng = self.plants.rng(f"posts in {lang}")
            for group, messages in load_messages(f"posts.{lang}.txt", lang).items():
                for message in messages:
                    self._of_group(feed, rng, group, message, "language")

    def _wants(self, feed: Feed) -> None:
        rng = self.plants.rng("wants")
        for group, messages in load_messages("wants.txt").items():
            for message in messages:
                self._of_group(feed, rng, group, message, f"wants {' '.join(message.about)}")

    def _of_group(self, feed: Feed, rng: random.Random, group: str, message: Message, plant: str) -> Post:
        facts = self.plants.city.facts["posts"][group]
        return self._say(
            feed,
            rng,
            self._addressed(feed, rng, message.text, facts["agency"]),
            self._any_time(rng),
            author=rng.choice(feed.crowd),
            lang=message.lang,
            area=self.plants.place_in(message.text),
            group=group,
            topic=facts["topic"],
            agency=facts["agency"],
            plant=plant,
        )

    # -- what is sent many times -------------------------------------------------------------------------------

    def _copies(self, feed: Feed) -> None:
        """A text that people copy, each with a small change of their own: one report and its copies."""
        about = (("bus", ""), ("housing", ""), ("harbour", "gantry-town"), ("city-hall", "millrace"))
        for (group, area), message in zip(about, load_messages("floods.txt")["copies"], strict=True):
            rng = self.plants.rng(f"copies {group}")
            facts = self.plants.city.facts["posts"][group]
            at = self._any_time(rng, 330)
            of: dict[str, Any] = {
                "area": area, "group": group, "topic": facts["topic"], "agency": facts["agency"], "plant": "copied",
            }  # fmt: skip
            first = self._say(
                feed, rng, message.text, at, author=rng.choice(feed.crowd), lang=message.lang, **of
            )
            used = {message.text}
            for _ in range(CROWDS["copies"]):
                at = days_later(at, rng.uniform(0.05, 1.4))
                text = message.text
                while text in used:
                    text = self._changed(feed, rng, message.text, facts["agency"])
                used.add(text)
                of["copy_of"], of["truth"], of["plant"] = first, "copy", "copy"
                self._say(feed, rng, text, at, author=rng.choice(feed.crowd), lang=message.lang, **of)

    def _changed(self, feed: Feed, rng: random.Random, text: str, agency: str) -> str:
        """The same text with a link, a mention, an emoji or a slip of the finger."""
        changes = rng.sample(("link", "mention", "emoji", "slip", "case"), rng.choice((1, 1, 2)))
        for change in changes:
            if change == "link":
                text = f"{text} https://pic.example/{rng.randrange(36**5):x}"
            elif change == "mention":
                who = feed.account(rng.choice((agency, "city-hall")))
                text = f"@{who} {text}" if rng.random() < 0.6 else f"{text} @{who}"
            elif change == "emoji":
                text = f"{text} {rng.choice(EMOJI) * rng.choice((1, 1, 3))}"
            elif change == "slip":
                able = [(right, wrong) for right, wrong in SLIPS if right in text]
                if able:
                    text = text.replace(*rng.choice(able), 1)
            else:
                text = text.rstrip(".") + rng.choice(("!", "!!", ""))
        return text

    def _templates(self, feed: Feed) -> None:
        """One form of words about many places: different reports, which no likeness of words may make one."""
        groups = ("roads", "lights", "bus")
        for group, message in zip(groups, load_messages("floods.txt")["templates"], strict=True):
            rng = self.plants.rng(f"templates {group}")
            facts = self.plants.city.facts["posts"][group]
            everywhere = [s for streets in self.plants.city.streets.values() for s in streets]
            streets = rng.sample(everywhere, CROWDS["templates"])
            if group == "lights":  # half are on one street, where only the number tells them apart
                streets[6:] = [streets[5]] * 6
            columns = rng.sample(range(1100, 9900), len(streets))
            start = self._any_time(rng, 330)
            for number, (street, column) in enumerate(zip(streets, columns, strict=True)):
                text = self._filled(message, street, start, rng, column=str(column))
                self._say(
                    feed, rng, text, days_later(start, number * 1.3 + rng.random()), author=rng.choice(feed.crowd),
                    area=street.area, group=group, topic=facts["topic"], agency=facts["agency"],
                    plant=f"template {group}",
                )  # fmt: skip

    def _filled(self, message: Message, street: Street, at: datetime, rng: random.Random, **more: str) -> str:
        return fill(message.text, self.plants.city, street, at, rng, lang=message.lang, ahead="yes", **more)

    def _brigade(self, feed: Feed) -> None:
        """Accounts that nobody saw before send nearly one text within two hours."""
        rng, words = self.plants.rng("brigade"), load_messages("floods.txt")
        (message,) = words["brigade"]
        start = local_instant(self.plants.city.facts["flood"]["brigade"])
        before = [m.text for m in words["brigade/before"]]
        after = [m.text for m in words["brigade/after"]]
        seconds = sorted(rng.sample(range(7000), CROWDS["brigade"]))
        used: set[str] = set()
        for author, second in zip(self._strangers(CROWDS["brigade"]), seconds, strict=True):
            text = ""
            while not text or text in used:
                form = rng.random()  # most add a few words at one end, some at both
                text = f"{rng.choice(before)} {message.text}" if form < 0.55 else message.text
                text = f"{text} {rng.choice(after)}" if form > 0.4 else text
                if rng.random() < 0.4:
                    text = f"@{feed.account(rng.choice(('parking', 'city-hall')))} {text}"
            used.add(text)
            self._say(
                feed, rng, text, start + timedelta(seconds=second), author=author, truth="flood", group="parking",
                topic="parking", agency="parking", plant="brigade",
            )  # fmt: skip

    def _wave(self, feed: Feed) -> None:
        """Many pass on one post, some with its end cut off, some without the archive's mark of a repost."""
        rng = self.plants.rng("wave")
        start = local_instant(self.plants.city.facts["flood"]["wave"])
        about = [
            p for p in feed.posts if p.plant == "problem ferry-ramp" and p.at < start and len(p.text) > 100
        ]
        first = about[0]
        authors = [*rng.sample(feed.crowd, CROWDS["wave"] // 2), *self._strangers(CROWDS["wave"] // 2)]
        seconds = sorted(rng.sample(range(30000), len(authors)))
        for author, second in zip(authors, seconds, strict=True):
            cut = rng.random() < 0.3
            text = f"RT @{first.author}: {first.text[:90] + '…' if cut else first.text}"
            self._say(
                feed, rng, text, start + timedelta(seconds=second), author=author, lang=first.lang, truth="repost",
                copy_of=first, area=first.area, group=first.group, topic=first.topic, agency=first.agency, plant="wave",
            )  # fmt: skip

    def _noise(self, feed: Feed) -> None:
        """A giveaway that is sent by many, a news bot, and slogans that ask for nothing."""
        words, flood = load_messages("floods.txt"), self.plants.city.facts["flood"]
        streets = [s for group in self.plants.city.streets.values() for s in group]
        rng, at = self.plants.rng("giveaway"), local_instant(flood["giveaway"])
        (message,) = words["giveaway"]
        giveaway = self._filled(message, streets[0], at, rng)
        for author in self._strangers(CROWDS["giveaway"]):
            text = giveaway
            while text.casefold() in feed.seen:
                text = f"🎁 {self._changed(feed, rng, giveaway, 'transit')} #Merrowport"
            self._say(
                feed, rng, text, at, author=author, truth="noise", group="giveaway-wave", plant="giveaway"
            )
            at = days_later(at, rng.uniform(0.01, 0.3))
        rng, at = self.plants.rng("bot"), local_instant(flood["bot"])
        (bot,) = self._strangers(1)
        for number in range(CROWDS["bot"]):
            message = words["bot"][number % len(words["bot"])]
            column = str(rng.randint(10000, 99999))
            text = self._filled(message, rng.choice(streets), at, rng, column=column)
            self._say(feed, rng, text, at, author=bot, truth="noise", group="bot", plant="bot")
            at = days_later(at, 2)
        rng, at = self.plants.rng("slogans"), local_instant(flood["slogans"])
        for message in words["slogans"]:
            author = rng.choice(feed.crowd)
            self._say(
                feed, rng, message.text, at, author=author, truth="noise", group="slogans", plant="slogan"
            )
            at = days_later(at, rng.uniform(0.01, 0.8))

    # -- answers elsewhere, personal data ----------------------------------------------------------------------

    def _elsewhere(self, feed: Feed) -> None:
        """Official posts that reply to nothing: some name a request's ticket, some are only like a request."""
        groups = load_messages("elsewhere.txt")
        for message in groups.pop("address"):
            (problem,), (agency, update_class, word) = message.about, message.words
            rng = self.plants.rng(f"elsewhere {problem}")
            named = next(p for p in feed.posts if p.plant == f"problem {problem}" and word in p.text)
            at = days_later(named.at, rng.uniform(1, 4))
            street = self.plants.city.streets[named.area][0]
            text = self._filled(message, street, at, rng, address="{address}")
            post = Post(at, feed.account(agency), text, "en", "official", len(feed.posts), agency=agency)
            post.update_class, post.area, post.names, post.plant = (
                update_class,
                named.area,
                named,
                "elsewhere named",
            )
            feed.add(post)
        taken: set[str] = set()
        for group, messages in groups.items():
            for message in messages:
                (category,), (agency, update_class) = message.about, message.words
                rng = self.plants.rng(f"elsewhere {message.text}")
                able = [row for row in self.rows if self._is_open(row[1], category) and row[0] not in taken]
                chosen = rng.sample(able, 2 if "ticket2" in message.slots else 1)
                chosen.sort(key=lambda row: row[1].opened_at)
                taken |= {number for number, _ in chosen}
                area = chosen[0][1].area
                streets = self.plants.city.streets[area]
                street = next((s for s in streets if s.name in chosen[0][1].description), rng.choice(streets))
                at = days_later(chosen[-1][1].opened_at, rng.uniform(3, 12))
                tickets = {f"ticket{n if n > 1 else ''}": row[0] for n, row in enumerate(chosen, 1)}
                post = Post(
                    at, feed.account(agency), self._filled(message, street, at, rng, **tickets), "en", "official",
                    len(feed.posts), agency=agency, update_class=update_class, area=area,
                    plant=f"elsewhere {group} {' '.join(number for number, _ in chosen)}",
                )  # fmt: skip
                feed.add(post)

    def _is_open(self, request: Request, category: str) -> bool:
        """Whether a request has had no answer, and may get one elsewhere."""
        first, last = (
            self.plants.city.as_of - timedelta(days=500),
            self.plants.city.as_of - timedelta(days=20),
        )
        return (
            request.category == category
            and request.note_class not in RESPONSES
            and not request.marks
            and request.copy_of is None
            and request.place == "point"
            and first < request.opened_at < last
        )

    def _personal(self, feed: Feed) -> None:
        """Posts and replies with personal data in more forms."""
        groups = load_messages(MORE)
        rng, plants = self.plants.rng("personal posts"), self.plants
        asked = []
        for message in groups["posts"]:
            facts = plants.city.facts["posts"][message.about[0]]
            area = rng.choice(facts.get("where", list(plants.city.streets)))
            street, at = rng.choice(plants.city.streets[area]), self._any_time(rng)
            private = plants.people.values(message, street, "posts", f"key {len(feed.posts)}", "rawContent")
            text = f"@{feed.account(facts['agency'])} {self._filled(message, street, at, rng, **private)}"
            asked.append(
                self._say(
                    feed, rng, text, at, author=rng.choice(feed.crowd), lang=message.lang, area=area,
                    group=message.about[0], topic=facts["topic"], agency=facts["agency"], personal=True,
                    plant="personal",
                )
            )  # fmt: skip
        for message, post in zip(groups["replies"], asked, strict=False):
            at = days_later(post.at, rng.uniform(0.1, 2))
            street = rng.choice(plants.city.streets[post.area])
            private = plants.people.values(message, street, "posts", f"key {len(feed.posts)}", "rawContent")
            self._reply(feed, post, message.about[0], self._filled(message, street, at, rng, **private), at)


def problem_posts(posts: Sequence[Post], plants: Plants) -> dict[str, dict[str, dict[str, Any]]]:
    """The posts of each problem, with what there is to know them by: {problem: {id: facts}}."""
    return {
        problem.name: {
            str(p.id): {
                "on": to_local(p.at).date().isoformat(),
                "lang": p.lang,
                "has_point": p.point is not None,
                "names_place": bool(plants.place_in(p.text)),
            }
            for p in posts
            if p.plant == f"problem {problem.name}"
        }
        for problem in plants.problems
    }


def truth_of_posts(posts: Sequence[Post]) -> dict[str, Any]:
    """What was planted in posts, by kind, with ids."""
    noise = {"giveaway": "giveaway", "bot": "bot", "slogans": "slogan"}
    return {
        "near_duplicates": {str(p.id): str(p.copy_of.id) for p in posts if p.plant == "copy" and p.copy_of},
        "templates": _ids_by_last_word(posts, "template "),
        "brigade": [str(p.id) for p in posts if p.plant == "brigade"],
        "wave": {str(p.id): str(p.copy_of.id) for p in posts if p.plant == "wave" and p.copy_of},
        "noise": {name: [str(p.id) for p in posts if p.plant == plant] for name, plant in noise.items()},
        "languages": {
            str(p.id): {"lang": p.lang, "is_said": not p.shown_lang}
            for p in posts
            if p.lang != "en" and p.truth == "feedback"
        },
        "wants": {
            str(p.id): dict(zip(("intent", "urgency"), p.plant.split()[1:], strict=True))
            for p in posts
            if p.plant.startswith("wants ")
        },
        "answers_elsewhere": {
            str(p.id): {
                "requests": p.plant.split()[2:],
                "posts": [str(p.names.id)] if p.names else [],
                "agency": p.agency,
                "update_class": p.update_class,
            }
            for p in posts
            if p.plant.startswith("elsewhere named")
        },
        "likeness_elsewhere": {
            str(p.id): {"requests": p.plant.split()[2:], "agency": p.agency}
            for p in posts
            if p.plant.startswith("elsewhere weak")
        },
        "personal_posts": [str(p.id) for p in posts if p.plant == "personal"],
    }


def _ids_by_last_word(posts: Sequence[Post], start: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for post in posts:
        if post.plant.startswith(start):
            found.setdefault(re.sub(r".* ", "", post.plant), []).append(str(post.id))
    return found
