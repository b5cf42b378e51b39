"""Is every answer really there, and nothing twice or in both halves? Whatever is wrong ends the generator."""

import html
import itertools
import json
import re
from dataclasses import dataclass

from .listings import short
from .making import local_part
from .model import DIAL, fold

PHONE = re.compile(r"(?<![\d.])\+?\d?[ .-]?\(?\d{3}\)?[ ./-]?\d{3}[ .-]\d{4}(?!\d)")
DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
LEAST = {"businesses": 300, "websearch": 300, "leads": 200, "pages": 1500}


@dataclass
class Text:
    """All that is said of a business."""

    whole: str
    folded: str
    digits: str


class Wrong(Exception):
    """The set contradicts itself."""


def plain(body):
    """What a page says, to a person or in its structured data, in one line."""
    body = re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), body.replace("<\\/", "</"))
    body = re.sub(r'data-cfemail="([0-9a-f]+)"', lambda found: f'title="{shown(found[1])}"', body)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.S)
    body = re.sub(r'<span style="display:none">.*?</span>', "", body)
    return html.unescape(body + " " + re.sub(r"<[^>]*>", "", body).replace("\n", " "))


def shown(hidden):
    """An address that Cloudflare hid."""
    key, *letters = bytes.fromhex(hidden)
    return "".join(chr(letter ^ key) for letter in letters)


def digits(text):
    return re.sub(r"(?<=\d)[ \u00a0./\-\u2011\u2013]+(?=\d)", "", text.replace("(", "").replace(")", ""))


def says(text, what, value, b):
    """Whether the text says the value of a field, in any of the ways that the set writes it."""
    folded = text.folded
    if what in ("phones", "phone"):
        return value[len(DIAL[b.country]) + 1:] in text.digits
    if what == "emails":
        user, host = value.split("@")
        pattern = re.escape(user) + r".{1,30}?" + r"(\.| ([\[(](dot|punkt|point)[\])]|dot) )".join(re.escape(part) for part in host.split("."))
        return value in folded or re.search(pattern, re.sub(r"<[^>]*>", "", folded)) is not None
    if what == "website":
        return any(url.startswith(value) for url in b.texts)
    if what == "street":
        return fold(value) in folded or fold(short(value)) in folded
    if what == "people":
        return fold(value["name"]) in folded and fold(value["role"]) in folded
    if what == "country":
        return True  # The telephone's prefix and the postal code say it.
    return fold(value) in folded


def hours_said(text, b):
    return all(any(shape in text for shape in shapes(time)) for _, _, *times in b.hours for time in times)


def shapes(time):
    hour, minute = int(time[:2]), time[3:]
    half = (hour - 1) % 12 + 1
    return [time, time.lstrip("0"), time.replace(":", "."), f"{half}{'' if minute == '00' else ':' + minute} {'am' if hour < 12 else 'pm'}",
            f"{half}{'' if minute == '00' else '.' + minute} {'a.m.' if hour < 12 else 'p.m.'}",
            f"{half}{'' if minute == '00' else ':' + minute}{'am' if hour < 12 else 'pm'}", f"{half}:{minute} {'AM' if hour < 12 else 'PM'}"]


class Check:
    """Looks through one finished set."""

    def __init__(self, world, texts):
        self.world, self.row_of = world, texts
        self.cache, self.faults = {}, []
        self.folded = {url: fold(page["body"]) for url, page in world.pages.items()}
        self.folded_rows = [fold(text) for text in texts.values()]

    def text_of(self, b):
        if id(b) not in self.cache:
            pages = " \n".join(plain(self.world.pages[url]["body"]) for url in b.texts)
            text = pages + " \n" + self.row_of.get(id(b), "")
            self.cache[id(b)] = Text(text, fold(text), digits(text))
        return self.cache[id(b)]

    def answer(self, name, b, expect):
        text = self.text_of(b)
        for what, values in expect.items():
            if what in ("matched", "tolerated") or values is None:
                continue
            for value in [values] if isinstance(values, str) else values:
                ok = hours_said(text.whole, b) if what == "hours" else says(text, what, value, b)
                # A legal form or the town after the name is somebody's habit, not an answer of its own.
                if not ok and not (what == "name" and values.index(value) > 0):
                    self.faults.append(f"{name}: {what} {value!r} of {b.name} is nowhere")

    def lead(self, name, ask, expect, mx):
        """The company's facts are where `answer` looks; a person's own are checked here, and made addresses by those they are made after."""
        b, person, text = ask.business, ask.person, self.text_of(ask.business)
        for what, values in list(expect["fields"].items()) + list(expect["contradicted"].items()):
            same = {"phone": "phones", "company": "name"}.get(what, what)
            if what == "title" and not all(says(text, "people", {"name": person.name, "role": value}, b) for value in values):
                self.faults.append(f"{name}: {person.name} isn't {values}")
            if what == "email":
                for value in values:
                    user, host = value.split("@")
                    alike = [one for one in b.people if one.email and one.email == f"{local_part(one.name, b.pattern)}@{host}"] if b.pattern else []
                    made = person and len(alike) >= 2 and user == local_part(person.name, b.pattern)
                    if not says(text, "emails", value, b) and not made:
                        self.faults.append(f"{name}: {value} is neither said nor like others")
                    if mx.get(host, ["."]) in ([], ["."]):
                        self.faults.append(f"{name}: {value} takes no mail")
            if same in ("phones", "street", "city", "state", "zip", "website"):
                self.answer(name, b, {same: values[0] if same == "website" else values})
            if (ask.lead.get(what) or "").strip() and what not in ask.junk and what not in ask.stale:
                self.faults.append(f"{name}: has its {what}")
        kept = [values for what, values in expect["fields"].items() if what in ask.stale]
        if kept or set(expect["contradicted"]) != set(ask.stale):
            self.faults.append(f"{name}: {sorted(ask.stale)} should be contradicted")
        if ask.gone and any(one.name == person.name for one in b.people):
            self.faults.append(f"{name}: {person.name} hasn't left")

    def never(self, name, b, expect):
        """What is laid as a trap, or has been true once, is no answer."""
        expect = {**expect, **expect.get("fields", {}), **expect.get("contradicted", {})}
        wrong = {phone.e164 for phone in (b.fax, b.tracking, b.old_phone) if phone} | {b.old_street} | {one.name for one in b.former}
        laid = digits(html.unescape(re.sub(r"<[^>]*>", " ", "".join(b.look.get("traps", [])) + b.look.get("foot", ""))))
        for what in ("phones", "phone", "street"):
            for value in expect.get(what, []):
                if value in wrong or (what != "street" and value[len(DIAL[b.country]) + 1:] in laid):
                    self.faults.append(f"{name}: {value} of {b.name} is a trap")
        for one in expect.get("people", []):
            if one["name"] in wrong or fold(one["name"]) in fold("".join(b.look.get("traps", []))):
                self.faults.append(f"{name}: {one['name']} isn't on the team of {b.name}")
        for value in expect.get("emails", []) + expect.get("email", []):
            if value.split("@")[1] != (b.new_host or b.host) and b.host:
                self.faults.append(f"{name}: {value} is of somebody else")

    def numbers(self, b, known):
        """Every number on a business's own pages is somebody's on purpose."""
        for url in b.texts:
            if b.host and (b.new_host or b.host) in url and b.country == "US":
                for found in PHONE.findall(re.sub(r"<[^>]*>", " ", plain(self.world.pages[url]["body"]))):
                    number = re.sub(r"\D", "", found)[-10:]
                    if f"+1{number}" not in known:
                        self.faults.append(f"{url}: nobody's number {found!r}")

    def payload(self, name, payload):
        if not 1 <= len(payload["business_name"]) <= 200 or any(len(value) > 200 for value in payload.values()):
            self.faults.append(f"{name}: a field is too long")
        if "domain" in payload and not DOMAIN.fullmatch(payload["domain"]):
            self.faults.append(f"{name}: {payload['domain']} is no domain")

    def nobody(self, name, asked):
        """A business that isn't there is named nowhere."""
        name_at = fold(asked)
        self.faults += [f"{name}: {asked} is at {url}" for url, text in self.folded.items() if name_at in text]
        if any(name_at in text for text in self.folded_rows):
            self.faults.append(f"{name}: {asked} is in the directory")

    def halves(self, hosts):
        for one, other in itertools.combinations(hosts, 2):
            both = hosts[one] & hosts[other]
            if both:
                self.faults.append(f"in {one} and {other}: {sorted(both)[:5]}")

    def counts(self, counts, splits):
        for what, least in LEAST.items():
            if counts[what] < least:
                self.faults.append(f"only {counts[what]} {what}")
        for what, (tune, held) in splits.items():
            if held < 0.3 * (tune + held):
                self.faults.append(f"{what} are split {tune} to {held}")

    def end(self):
        if self.faults:
            raise Wrong(f"{len(self.faults)} faults:\n" + "\n".join(self.faults[:40]))


def lines(records):
    return "".join(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n" for record in records)
