"""Which pages the sites of the half `held_out` have, chains and listing sites among them."""

from . import voice_held as voice
from .markup import esc, script
from .model import slug
from .traps_held import CLOSED, TRAPS


def pages(b, luck):
    """Path to body, the home page first."""
    path, l, style, made = voice.paths(b), voice.words(b), b.look.get("style", 0), {}
    if b.closed:
        made["/"] = f"<!DOCTYPE html><html><head><title>{esc(b.name)}</title></head><body>{CLOSED.format(name=esc(b.name), city=esc(b.city))}</body></html>"
        return made
    head, traps = voice.structured(b, style), "".join(b.look.get("traps", []))
    services = "".join(f"<h3>{esc(one.strip().capitalize())}</h3>" for one in b.trade[3].split(",") if one.strip())
    hours = voice.hours(b)
    timed = f"<h3>{l['hours']}</h3>{hours}" if hours else ""
    first, second, _ = voice.story(b, luck, 2).split("\n")
    main = f"<h1>{voice.fill(voice.LEAD[b.lang], b)}</h1>{first}{services}{traps}{second}"
    if b.look.get("single"):
        made["/"] = voice.layout(b, b.name, f"{main}{timed}{voice.contact(b, style)}", head, home=True)
        return made
    knows = b.look["where"] in ("all", "home")
    made["/"] = voice.layout(b, b.name, main + (timed if knows else ""), head if knows else "", home=True)
    long = "".join(voice.story(b, luck, 3) for _ in range(b.look.get("long", 0)))
    told = f"<h2>{TRAPS['long'].format(services=esc(b.trade[3] or b.name))}</h2>{long}" if long else ""
    made[path["services"]] = voice.layout(b, l["services"], f"<h1>{l['services']}</h1>{services}{voice.story(b, luck, 1)}")
    made[path["about"]] = voice.layout(b, l["about"], f"<h1>{l['about']}</h1>{voice.story(b, luck, 3)}{told}")
    if b.look.get("team"):
        made[path["team"]] = voice.layout(b, l["team"], f"<h1>{l['team']}</h1>{voice.team(b)}")
    form = "<form method=post><input name=name placeholder=Name><input name=email placeholder=Email><textarea name=message></textarea><button>Send</button></form>"
    made[path["contact"]] = voice.layout(b, l["contact"], f"<h1>{esc(l['contact'])}</h1>{form if style % 2 and b.lang == 'en' else ''}{voice.contact(b, style)}{timed}", head)
    if b.lang == "en":
        post = f"<h1>Latest News</h1><article><h2>{esc(luck.pick(voice.NEWS))}</h2></article>" + "".join(TRAPS["thanks"].format(name=esc(one.name)) for one in b.former)
        made[path["news"]] = voice.layout(b, "Latest News", post)
    else:
        made[path["legal"]] = voice.layout(b, l["legal"], voice.legal(b))
    return made


def forbidden(b):
    """A page that robots.txt keeps out, and that is out of date."""
    return f"<html><head><title>{esc(b.name)} (draft)</title></head><body><h1>{esc(b.name)}</h1><p>{esc(b.place())}<br>{voice.number(b.old_phone, 1)}</p></body></html>"


def chain_pages(brand, at, entity):
    """A store locator: a page for each branch, or (3) all on the home page. Branches are on the home page of 0 as well."""
    path, base = voice.paths(brand), "/locations/store"
    made, data = {}, {id(one): script(entity(brand, one)) for one in brand.branches}

    def target(one):
        return f"{base}-{brand.branches.index(one) + 101}-{slug(one.city)}"

    def told(one):
        opened = f"<p>Store hours: {', '.join(voice.spans(one.hours, at % 3))}</p>" if one.look.get("hours") else ""
        return (f'<div class="store"><h3>{esc(brand.name)} &ndash; {esc(one.city)}</h3><p>{esc(one.street)}<br>{esc(one.city)}, {one.state} {one.zip}</p>'
                f"<p>{voice.number(one.phone, at + 1)}</p>{opened}</div>")

    items = "".join(f'<li><a href="{target(one)}">{esc(one.city)}, {one.state}</a></li>' for one in brand.branches)
    intro = "<h1>Find a store near you</h1>"
    everywhere = "".join(told(one) for one in brand.branches)
    made["/"] = voice.layout(brand, brand.name, intro + (everywhere if at == 3 else f"<ul>{items}</ul>" + (everywhere if at == 0 else "")),
                             script([entity(brand, one) for one in brand.branches]) if at == 0 else "", home=True)
    made[path["contact"]] = voice.layout(brand, "Contact Us", f"<h1>Corporate Support Center</h1><p>Media, vendor and franchising inquiries: {voice.number(brand.phone, at)} or "
                                         f"{voice.mail(brand, brand.email)}. For orders and appointments please contact your local store.</p>")
    for name in ("about", "services"):
        made[path[name]] = voice.layout(brand, voice.words(brand)[name], f"<h1>{esc(brand.name)}</h1><p>Growing since day one: {len(brand.branches)} locations and counting.</p>")
    for one in brand.branches if at != 3 else []:
        made[target(one)] = voice.layout(brand, one.city, told(one) + "<p><a href=\"/\">See all stores</a></p>", data[id(one)] if at in (0, 2) else "")
    return made


def listing_page(b, host, site, street, phone, closed, hours, linked):
    """What a listing site says of `b`."""
    data = "" if closed or host.startswith("top10") else script({
        "@context": "https://schema.org/", "@type": "LocalBusiness", "name": b.name, "telephone": phone, "aggregateRating": {"@type": "AggregateRating", "ratingValue": "4.3",
                                                                                                                            "reviewCount": "28"},
        "address": {"@type": "PostalAddress", "streetAddress": street, "addressLocality": b.city, "addressRegion": b.state, "postalCode": b.zip, "addressCountry": "US"}})
    link = f'<a class="btn" rel="nofollow noopener" href="https://{b.host}/">Visit website</a>' if linked else ""
    opened = f"<h4>Hours</h4><p>{hours.canonical}</p>" if hours else ""
    flag = '<span class="badge badge-closed">Closed permanently</span>' if closed else '<span class="badge">Unclaimed profile</span>'
    return f"""<!DOCTYPE html><html lang="en-US"><head><title>{esc(b.name)}, {esc(street)}, {esc(b.city)}, {b.state} | {site}</title>{data}</head><body><header>{site} &middot;
<a href="/{slug(b.city)}-{b.state.lower()}">{esc(b.city)}</a></header><section class="profile"><h1>{esc(b.name)}</h1>{flag}<p>{esc(b.trade[2])}</p>
<p>{esc(street)}, {esc(b.city)}, {b.state} {b.zip}</p><p><b>{phone}</b></p>{link}{opened}</section><aside><h4>What people say</h4><p>&ldquo;Great service, fair price.&rdquo; &mdash; J.</p>
</aside><footer>Own this business? Verify it for free. Advertise with {site}: 888-555-0142</footer></body></html>"""


def city_page(city, state, site, items):
    rows = "".join(f'<tr><td>{esc(name)}</td><td>{phone}</td><td>{"Closed" if closed else ""}</td></tr>' for name, phone, closed in items)
    return f"<!DOCTYPE html><html><head><title>Best of {esc(city)}, {state} | {site}</title></head><body><h1>Local businesses in {esc(city)}, {state}</h1><table>{rows}</table></body></html>"
