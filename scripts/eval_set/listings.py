"""Who else knows a business: the operator's directory and listing sites, each with its own age and mistakes."""

from . import site_held
from .luck import Luck
from .making import WORDS
from .markup import esc, script
from .model import Hours, slug

COLUMNS = ["name", "legal_name", "street", "city", "state", "zip", "country", "phone", "email", "website", "categories", "hours", "people"]
SHORT = [("Street", "St"), ("Avenue", "Ave"), ("Boulevard", "Blvd"), ("Road", "Rd"), ("Drive", "Dr"), ("Lane", "Ln"), ("Court", "Ct"), ("North ", "N "),
         ("South ", "S "), ("West ", "W "), ("East ", "E ")]


def short(street):
    for long, brief in SHORT:
        street = street.replace(long, brief)
    return street


def row(b, seed):
    """The directory's row for `b`, as `b.row` says: `full`, `no_site`, `old_phone`, `old_street`, `thin`, `no_phone`."""
    luck = Luck(seed, b.name, b.city, "row")
    how = b.row
    if how == "thin":
        return [b.name, "", "", b.city, b.state, "", b.country, "", "", "", b.trade[2], "", ""]
    phone = {"old_phone": b.old_phone, "no_phone": None}.get(how, b.phone)
    street = b.old_street if how == "old_street" else b.street
    # Those with a `www.` are old entries, from before the site was https.
    website = "" if how == "no_site" or not b.host else f"http://www.{b.host}/" if b.look.get("www") else f"https://{b.host}/"
    email = b.email if how == "full" and b.email and not b.look.get("no_mail_row") else ""
    hours = b.hours.canonical.replace("; ", ", ") if b.look.get("row_hours") else ""
    people = ";".join(f"{one.name}|{one.role}" for one in (b.former or b.look.get("row_people", [])))
    return [b.name, b.legal, short(street) if b.country == "US" else street, b.city, b.state, b.zip, b.country, phone.shown(luck.below(4)) if phone else "",
            email, website, b.trade[2], hours, people]


def listing_phone(b):
    return {"old_phone": b.old_phone, "tracking": b.tracking}.get(b.listed, b.phone)


def listing(world, b, seed):
    """A page of a listing site about `b`, as `b.listed` says: `right`, `old_phone`, `old_street`, `tracking`, `closed`, `only`."""
    luck = Luck(seed, b.name, b.city, "listing")
    host, site = luck.pick(WORDS[b.half].AGGREGATORS)
    street = b.old_street if b.listed == "old_street" else b.street
    phone = listing_phone(b).shown(luck.below(3))
    place = f"{esc(street)}, {esc(b.city)}, {b.state} {b.zip}"
    closed, hours = b.listed == "closed", b.hours if b.listed == "only" and b.look.get("list_hours") else Hours()
    link = f'<a href="https://{b.host}/" rel="nofollow">Website</a>' if b.host and not b.look.get("no_site") and luck.chance(60) else ""
    if b.half == "held_out":
        return listing_held(world, b, host, site, street, phone, closed, hours, bool(link))
    path = f"/{b.state.lower() or b.country.lower()}/{slug(b.city)}/{slug(b.name)}"
    if b.half == "tune":
        data = script({"@context": "https://schema.org", "@type": "Organization", "name": site, "url": f"https://{host}/", "telephone": "+1 800 555 0199"})
        opened = f"<p>Hours: {hours.canonical}</p>" if hours else ""
        body = f"""<!doctype html><html><head><title>{esc(b.name)} in {esc(b.city)}, {b.state} - {site}</title>{data}</head>
<body><div class="bar">{site} <a href="/">Search</a> <a href="/{b.state.lower()}/{slug(b.city)}/">{esc(b.city)}</a></div>
<h1>{esc(b.name)}</h1>{'<p class="flag">PERMANENTLY CLOSED</p>' if closed else ''}<p class="category">{esc(b.trade[2])}</p><p class="addr">{place}</p>
<p class="call">Call: {phone}</p>{opened}{link}<h3>Reviews</h3><p>Four of five stars. Would come again.</p>
<p>Is this your business? Claim it! Support: 1-800-555-0199</p></body></html>"""
    else:
        data = script({"@context": "https://schema.org", "@type": b.trade[1], "name": b.name, "telephone": phone,
                       "address": {"@type": "PostalAddress", "streetAddress": street, "addressLocality": b.city, "addressRegion": b.state, "postalCode": b.zip}})
        opened = f"<dd>Open {hours.canonical}</dd>" if hours else ""
        body = f"""<html><head><title>{site} › {esc(b.city)} › {esc(b.name)}</title>{data if not closed else ''}</head>
<body><table><tr><td><a href="/">{site}</a></td></tr></table><dl><dt>{esc(b.name)}</dt>{'<dd><b>This place has closed for good.</b></dd>' if closed else ''}
<dd>{place}</dd><dd>{phone}</dd>{opened}<dd>{link or 'No website known'}</dd></dl><p>Listings are contributed by readers and may be out of date. To have one changed,
ring our service desk at 1-212-555-0177.</p></body></html>"""
    url = f"https://{host}{path}"
    if url not in world.pages:
        world.page(url, body)
        b.texts.append(url)


def listing_held(world, b, host, site, street, phone, closed, hours, linked):
    url = f"https://{host}/biz/{slug(b.name)}-{slug(b.city)}-{b.state.lower()}"
    world.page(url, site_held.listing_page(b, host, site, street, phone, closed, hours, linked))
    b.texts.append(url)


def city_pages(world, half):
    """Pages with many businesses each, which name all and say little: a trap for whoever takes the first number."""
    host, site = WORDS[half].AGGREGATORS[0]
    towns = {}
    for b in (one for one in world.businesses if one.half == half and one.listed and one.country == "US"):
        towns.setdefault((b.state, b.city), []).append(b)
    for (state, city), there in sorted(towns.items()):
        if half == "held_out":
            url = f"https://{host}/{slug(city)}-{state.lower()}"
            world.page(url, site_held.city_page(city, state, site, [(b.name, listing_phone(b).shown(0), b.closed) for b in there]))
            for b in there:
                b.texts.append(url)
            continue
        items = "".join(f"<li>{esc(b.name)} &ndash; {listing_phone(b).shown(1)}{' (closed)' if b.closed else ''}</li>" for b in there)
        world.page(f"https://{host}/{state.lower()}/{slug(city)}/", f"<!doctype html><html><head><title>Businesses in {esc(city)}, {state} - {site}</title></head>"
                   f"<body><h1>{esc(city)}, {state}</h1><ul>{items}</ul></body></html>")
        for b in there:
            b.texts.append(f"https://{host}/{state.lower()}/{slug(city)}/")
    for host, site in WORDS[half].AGGREGATORS:
        links = "".join(f'<li><a href="{f"/{slug(city)}-{state.lower()}" if half == "held_out" else f"/{state.lower()}/{slug(city)}/"}">{esc(city)}, {state}</a></li>' for state, city in sorted(towns))
        world.page(f"https://{host}/", f"<!doctype html><html><head><title>{site}</title></head><body><h1>{site}</h1><ul>{links}</ul></body></html>")
        world.page(f"https://{host}/robots.txt", "User-agent: *\nDisallow: /search\n", content_type="text/plain")
