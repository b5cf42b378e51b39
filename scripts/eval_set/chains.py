"""Chains: one site, many places, a page for each or all on one."""

from . import site_held
from .markup import esc, script
from .model import Business, slug
from .sites import PATHS, VOICES, write


def chain(maker, at, places):
    """A chain with its branches in these cities. `at` says how its site is made."""
    name, kind, category = maker.words.CHAINS[at]
    maker.world.once(("name", name.lower()))
    first = places[0]
    brand = maker.us("chain", name=name, city=first, trade=(name, kind, category, category), look={"markup": "links", "where": "none", "layout": at, "style": at})
    brand.branches = []
    for city in places:
        branch = Business(maker.half, "US", "en", name, "", brand.trade, maker.street(), city[0], city[1], maker.luck.pick(city[3]), maker.phone(city[2]),
                          host=brand.host, brand=brand, hours=maker.hours(), tags=["chain"])
        branch.look = {"hours": "attr"} if at % 2 == 0 else {}
        brand.branches.append(branch)
        maker.world.businesses.append(branch)
    return brand


def entity(brand, branch):
    found = {"@context": "https://schema.org", "@type": brand.trade[1], "name": f"{brand.name} {branch.city}" if brand.half != "tune" else brand.name,
             "telephone": branch.phone.shown(3), "branchCode": str(brand.branches.index(branch) + 11), "parentOrganization": {"@type": "Organization", "name": brand.name},
             "address": {"@type": "PostalAddress", "streetAddress": branch.street, "addressLocality": branch.city, "addressRegion": branch.state,
                         "postalCode": branch.zip, "addressCountry": "US"}}
    if branch.look.get("hours"):
        found["openingHours"] = branch.hours.canonical.split("; ")
    return found


def build_chain(world, brand, at):
    """Even: structured data. 0: all branches on one page as well; 1: only words; 2: on the branch's own page; 3: words, all on one page."""
    if brand.half == "held_out":
        write(world, brand, f"https://{brand.host}", site_held.chain_pages(brand, at, entity))
        for one in brand.branches:
            one.texts += brand.texts
        return
    voice, path = VOICES[brand.half], PATHS[brand.half]
    folder = {"tune": "/locations", "tune_b": "/stores"}[brand.half]
    base, made = f"https://{brand.host}", {}
    def where(branch):
        hours = f"<p>{branch.hours.canonical}</p>" if branch.look.get("hours") else ""
        return (f"<h2>{esc(branch.city)}, {branch.state}</h2><p>{esc(branch.street)}<br>{esc(branch.city)}, {branch.state} {branch.zip}</p>"
                f"<p>{voice.words(brand)['phone']} {branch.phone.shown(at)}</p>{hours}")
    index = "".join(f'<li><a href="{folder}/{slug(one.city)}-{one.state.lower()}">{esc(one.city)}, {one.state}</a></li>' for one in brand.branches)
    head = script([entity(brand, one) for one in brand.branches]) if at == 0 else ""
    own_pages = at != 3
    intro = f"<h1>{esc(brand.name)}</h1><p>{len(brand.branches)} places, one promise.</p>"
    made["/"] = voice.layout(brand, brand.name, intro + (f"<ul>{index}</ul>" if own_pages else "".join(where(one) for one in brand.branches)), head, home=True)
    office = (f"<h1>{voice.words(brand)['contact']}</h1><p>Head office, for franchise questions only: {brand.phone.shown(at)}, {voice.mail(brand, brand.email)}</p>"
              f"<p>Your branch is listed <a href=\"/\">here</a>.</p>")
    made[path["contact"]] = voice.layout(brand, voice.words(brand)["contact"], office)
    for name in ("about", "services"):
        made[path[name]] = voice.layout(brand, voice.words(brand)[name], f"<h1>{esc(brand.name)}</h1><p>{esc(brand.trade[3])}, all over the country.</p>")
    for one in brand.branches if own_pages else []:
        made[f"{folder}/{slug(one.city)}-{one.state.lower()}"] = voice.layout(brand, one.city, where(one), script(entity(brand, one)) if at in (0, 2) else "")
    write(world, brand, base, made)
    for one in brand.branches:
        one.texts += brand.texts
