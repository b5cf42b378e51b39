"""The whole set: all halves made, checked, and written as files."""

import csv
import io
import json

from . import leads as leads_of
from .cases import Cases
from .chains import build_chain
from .check import Check, lines
from .halves import LETTER, SEEDS, SPLIT_OF, SPLITS, VOICES
from .listings import COLUMNS, city_pages, listing, row
from .luck import Luck
from .making import WORDS
from .model import World
from .sites import build, park
from .truth import expectation, has_site

HALVES = SPLITS
VERSION = 1


def make():
    """All files of the set: name to text."""
    world, halves = World(), []
    for half in VOICES:
        cases = Cases(world, half, SEEDS[half]).all()
        leads = leads_of.Leads(cases).all()
        cases.fillers()
        halves.append((cases, leads))
    rows = write_world(world, halves)
    websearch, leads = [], []
    for cases, lead_asks in halves:
        letter, split = LETTER[cases.half], SPLIT_OF[cases.half]
        for at, ask in enumerate(cases.asks):
            expect = expectation(ask.business) if ask.business else {"matched": False}
            websearch.append({"id": f"{letter}-ws-{at + 1:03}", "split": split, "tags": sorted(set(ask.tags)), "payload": ask.payload, "expect": expect})
        for at, ask in enumerate(lead_asks.asks):
            leads.append({"id": f"{letter}-lead-{at + 1:03}", "split": split, "tags": ask.tags, "payload": {"lead": ask.lead},
                          "expect": leads_of.expectation(ask)})
    dns = names(world)
    counts = {"businesses": sum("filler" not in b.tags for b in world.businesses), "directory": len(world.rows), "pages": len(world.pages),
              "hosts": len({url.split("/")[2] for url in world.pages}), "dns": len(dns), "websearch": len(websearch), "leads": len(leads)}
    check(world, halves, rows, websearch, leads, counts, {one["name"]: one["mx"] for one in dns})
    split = {what: {half: sum(one["split"] == half for one in found) for half in HALVES} for what, found in (("websearch", websearch), ("leads", leads))}
    manifest = {"name": "enrich-jobs invented web", "format_version": VERSION, "seed": SEEDS["tune"], "seeds": SEEDS, "counts": counts, "splits": split,
                "no_match": {"websearch": sum(not one["expect"]["matched"] for one in websearch), "leads": sum(not one["expect"]["matched"] for one in leads)}}
    return {"directory.csv": table(world.rows), "pages.ndjson": lines(world.pages.values()), "dns.ndjson": lines(dns), "websearch.ndjson": lines(websearch),
            "leads.ndjson": lines(leads), "manifest.json": json.dumps(manifest, indent=2) + "\n"}


def write_world(world, halves):
    """Pages and rows of every business; the text of each one's row."""
    rows, ordered = {}, []
    for cases, _ in halves:
        seed = SEEDS[cases.half]
        for brand, at in cases.chains:
            build_chain(world, brand, at)
        parked = {id(b) for b in cases.parked_hosts}
        for b in (one for one in world.businesses if one.half == cases.half):
            if id(b) in parked:
                park(world, b, cases.maker.phone(b.phone.area))
            elif has_site(b) and not b.brand and not any(b is brand for brand, _ in cases.chains):
                build(world, b, seed)
            if b.listed:
                listing(world, b, seed)
            if b.row:
                cells = row(b, seed)
                world.rows.append(cells)
                rows[id(b)] = " , ".join(cells)
        city_pages(world, cases.half)
        if cases.half != "tune":
            ordered += Luck(seed, "rows").shuffled(world.rows)
            world.rows = []
    world.rows = ordered
    return rows


def names(world):
    """Who takes mail for which domain."""
    mailless = {b.new_host or b.host: b.look["no_mx"] for b in world.businesses if b.look.get("no_mx") is not None}
    parked = {b.host for b in world.businesses if "parked" in b.tags and b.host}
    half_of = {host: b.half for b in world.businesses for host in (b.host, b.new_host) if host}
    half_of |= {host: half for half, words in WORDS.items() for host in [*words.FREEMAIL, *(host for host, _ in words.AGGREGATORS)]}
    hosts = {url.split("/")[2].removeprefix("www.") for url in world.pages} | {host for words in WORDS.values() for host in words.FREEMAIL}
    found = []
    # The half that is held out comes last: a new one moves nothing of the others.
    for at, host in enumerate(sorted(hosts, key=lambda host: (half_of[host] == "held_out", host))):
        mx = mailless.get(host, [] if host in parked else [f"mail.{host}"] if at % 3 else ["mx1.mailhost.example", "mx2.mailhost.example"])
        found.append({"name": host, "mx": mx})
    return sorted(found, key=lambda one: one["name"])


def check(world, halves, rows, websearch, leads, counts, mx):
    look = Check(world, rows)
    shown = {number for b in world.businesses for number in numbers_of(b)}
    extra = {phone for phone in world.used if isinstance(phone, str) and phone.startswith("+")}
    by_id = {record["id"]: record for record in websearch}
    hosts = {half: set() for half in VOICES}
    for cases, lead_asks in halves:
        for at, ask in enumerate(cases.asks):
            record = by_id[f"{LETTER[cases.half]}-ws-{at + 1:03}"]
            look.payload(record["id"], record["payload"])
            if ask.business:
                look.answer(record["id"], ask.business, record["expect"])
                look.never(record["id"], ask.business, record["expect"])
            if "no_such_business" in ask.tags:
                look.nobody(record["id"], ask.payload["business_name"])
        for ask in lead_asks.asks:
            if ask.business:
                look.lead(ask.lead["contact_id"], ask, leads_of.expectation(ask), mx)
                look.never(ask.lead["contact_id"], ask.business, leads_of.expectation(ask))
            if "no_such_business" in ask.tags:
                look.nobody(ask.lead["contact_id"], ask.lead["company"])
        hosts[cases.half] |= {host for b in world.businesses if b.half == cases.half for host in (b.host, b.new_host) if host}
    for b in world.businesses:
        look.numbers(b, shown | extra)
    look.halves(hosts)
    splits = {what: tuple(sum(one["split"] == half for one in found) for half in HALVES) for what, found in (("websearch", websearch), ("leads", leads))}
    splits["businesses"] = tuple(sum(SPLIT_OF[b.half] == half and "filler" not in b.tags for b in world.businesses) for half in HALVES)
    look.counts(counts, splits)
    look.end()


def numbers_of(b):
    return [phone.e164 for phone in (b.phone, b.fax, b.tracking, b.old_phone) if phone]


def table(rows):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([COLUMNS] + rows)
    return out.getvalue()
