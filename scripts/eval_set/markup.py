"""What both halves write alike: escaping, and schema.org objects as a business's own page has them."""

import html
import json

from .model import DAY_NAMES, DAYS, days, twelve


def esc(text):
    return html.escape(text, quote=True)


def script(value, indent=None):
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=None if indent else (",", ":")).replace("</", "<\\/")
    return f'<script type="application/ld+json">{text}</script>'


def address(b):
    found = {"@type": "PostalAddress", "streetAddress": b.street, "addressLocality": b.city, "postalCode": b.zip, "addressCountry": b.country}
    if b.state:
        found["addressRegion"] = b.state
    return found


def entity(b, phone_style=3, hours=None, people=False, url=True):
    """The business as schema.org has it."""
    found = {"@context": "https://schema.org", "@type": b.trade[1], "name": b.name}
    if b.legal:
        found["legalName"] = b.legal
    if url and b.url:
        found["url"] = b.url
    if b.phone:
        found["telephone"] = b.phone.shown(phone_style)
    if b.fax:
        found["faxNumber"] = b.fax.shown(phone_style)
    if b.email and b.look.get("mail", "mailto") == "mailto":
        found["email"] = b.email
    found["address"] = address(b)
    if hours == "attr":
        found["openingHours"] = [f"{days(first, last)} {opens}-{closes}" for first, last, opens, closes in b.hours]
    if hours == "spec":
        found["openingHoursSpecification"] = [
            {"@type": "OpeningHoursSpecification", "dayOfWeek": [DAY_NAMES[day] for day in DAYS[DAYS.index(first):DAYS.index(last) + 1]],
             "opens": opens, "closes": closes} for first, last, opens, closes in b.hours
        ]
    if people and b.people:
        found["employee"] = [{"@type": "Person", "name": one.name, "jobTitle": one.role} for one in b.people]
    return found


def hours_table(b, closed, clock=twelve):
    open_days = {day: f"{clock(opens)} – {clock(closes)}" for day, opens, closes in b.hours.each_day()}
    rows = "".join(f"<tr><td>{DAY_NAMES[day]}</td><td>{open_days.get(day, closed)}</td></tr>" for day in DAYS)
    return f'<table class="hours">{rows}</table>'
