"""Reads the finished files as a stranger would: from a site's address through its links, knowing nothing of how it was made.

`check` asks the generator's own records where a value stands; this here has only pages, and follows only what links lead to.
"""

import html
import re
from urllib.parse import urljoin, urlsplit

from .check import plain, shapes, shown
from .model import fold


class Web:
    """The pages by address."""

    def __init__(self, pages):
        self.pages = {page["url"]: page for page in pages}

    def get(self, url, hops=4):
        """The page at the address, redirects followed; `None` if there is none."""
        page = self.pages.get(url) or self.pages.get(url + "/" if urlsplit(url).path == "" else "")
        if page and "location" in page["headers"] and hops:
            return self.get(urljoin(url, page["headers"]["location"]), hops - 1)
        return page

    def forbidden(self, base):
        page = self.get(urljoin(base, "/robots.txt"))
        return [line.split(":")[1].strip() for line in page["body"].splitlines() if line.startswith("Disallow: ")] if page else []

    def site(self, start):
        """All pages that links on this host lead to, those that robots.txt forbids left out."""
        first, seen = self.get(start), {}
        waiting, closed = [first] if first else [], self.forbidden(start)
        while waiting:
            page = waiting.pop()
            if not page or page["url"] in seen or page["status"] != 200:
                continue
            seen[page["url"]] = page
            for link in re.findall(r"""href=["']?([^"'\s>]+)""", page["body"], re.I):
                url = urljoin(page["url"], html.unescape(link)).split("#")[0]
                if urlsplit(url).netloc == urlsplit(page["url"]).netloc and not any(urlsplit(url).path.startswith(path) for path in closed if path):
                    waiting.append(self.get(url))
        return seen


def number(text):
    """Digits only, with whatever people put between them taken out."""
    return re.sub(r"(?<=\d)[^\d\w<>]{1,5}(?=\d)", "", text.replace("(0)", ""))


def seen(site):
    """What a browser shows of the pages, their structured data, and both with the gaps in numbers closed."""
    whole = " ".join(plain(page["body"]) for page in site.values())
    hidden = " ".join(shown(code) for page in site.values() for code in re.findall(r'data-cfemail="([0-9a-f]+)"', page["body"]))
    return whole + " " + hidden


def address_said(value, folded):
    user, host = value.split("@")
    host = r"[^a-z0-9]*(?:(?:dot|point|punkt)[^a-z0-9]*)?".join(re.escape(part) for part in host.split("."))
    return re.search(re.escape(user) + r"[^a-z0-9]{1,12}(?:(?:at|arobase|b)?[^a-z0-9]{0,30})(?:no robots, please[^a-z0-9]*)?" + host, folded) is not None


def role_said(one, folded):
    """A name with its role in the same breath."""
    name, role = re.escape(fold(one["name"])), re.escape(fold(one["role"]))
    gap = r"[^\n]{0,60}?"
    return re.search(f"{name}{gap}{role}|{role}{gap}{name}", folded, re.S) is not None


def faults(cases, pages, rows):
    """Of websearch cases: what is expected of a business with a website and stands neither on that site nor in the directory or a list."""
    web, found = Web(pages), []
    for case in cases:
        expect = case["expect"]
        if not expect["matched"] or not expect.get("website"):
            continue
        site = web.site(expect["website"])
        text = seen(site) if site else ""
        folded, closed = fold(text), number(text)
        known = " ".join(" , ".join(row) for row in rows if any(fold(row[0]) == fold(name) for name in expect["name"]))
        closed_rows, folded_rows = number(known), fold(known)
        for phone in expect.get("phones", []):
            if not any(phone[-9:] in where for where in (closed, closed_rows)):
                found.append(f"{case['id']}: {phone}")
        for street in expect.get("street", []):
            if fold(street) not in folded:
                found.append(f"{case['id']}: {street}")
        found += [f"{case['id']}: {value}" for value in expect.get("emails", []) if not address_said(value, folded) and value not in folded_rows]
        found += [f"{case['id']}: {one['name']}, {one['role']}" for one in expect.get("people", []) if not role_said(one, folded)]
        for value in expect.get("hours", []):
            times = re.findall(r"\d\d:\d\d", value)
            if not all(any(shape in text for shape in shapes(time)) for time in times):
                found.append(f"{case['id']}: {value}")
        for what in ("city", "zip"):
            found += [f"{case['id']}: {value}" for value in expect.get(what, []) if fold(value) not in folded]
    return found
