"""A business's own site, page by page.

What makes sites differ is in `Business.look`:
`markup` (how contact data is written), `where` (`all`, `home` or `contact`: on which pages), `mail` (how addresses are written, `None`: not at
all), `hours` (`attr`, `spec`, `prose`, `table`), `team` (has such a page), `style` (of phone numbers), `layout`, `broken` (tags), `no_site`,
`single` (one page is all there is), `robots` (a forbidden page that is out of date), and `traps` (HTML for the home page) or `foot` (for the footer).
"""

from . import site_held, voice_held, voice_tune, voice_tune_b
from .luck import Luck
from .markup import esc
from .traps import CLOSED, PARKED, trap

VOICES = {"tune": voice_tune, "tune_b": voice_tune_b, "held_out": voice_held}
PATHS = {
    "tune": {"about": "/about", "services": "/services", "team": "/team", "contact": "/contact", "news": "/news", "legal": "/impressum"},
    "tune_b": {"about": "/our-story.html", "services": "/what-we-do.html", "team": "/people.html", "contact": "/get-in-touch.html", "news": "/diary.html",
                 "legal": "/legal.html"},
}
ROBOTS = {"tune": ["/internal/", "/old/"], "tune_b": ["/staging/", "/archive-2014/"], "held_out": ["/wp-admin/", "/drafts/"]}


def look(luck, **fixed):
    """An ordinary site, except for what is fixed."""
    chosen = {"markup": luck.pick(["jsonld", "graph", "links", "table"]), "where": luck.pick(["all", "home", "contact"]),
              "mail": luck.pick(["mailto", "mailto", "plain"]), "hours": luck.pick([None, "attr", "spec", "prose", "table"]), "style": luck.below(6),
              "layout": luck.below(3), "vague": luck.chance(40)}
    chosen.update(fixed)
    if chosen["hours"] in ("attr", "spec") and chosen["markup"] not in ("jsonld", "graph"):
        chosen["hours"] = "table" if "hours" not in fixed else chosen["hours"]
    return chosen


def build(world, b, seed):
    """Writes the pages of `b`, and notes on it where they are."""
    luck = Luck(seed, b.host, "site")
    base = f"https://{b.new_host or b.host}"
    if b.half == "held_out":
        return write(world, b, base, site_held.pages(b, luck))
    voice, path = VOICES[b.half], PATHS[b.half]
    made = {}
    l, style = voice.words(b), b.look.get("style", 0)
    if b.closed:
        made["/"] = voice.layout(b, {"tune": "Thank you", "tune_b": "So long"}[b.half], CLOSED[b.half].format(name=esc(b.name), city=esc(b.city)))
        return write(world, b, base, made)
    head = voice.structured(b, style)
    traps = "".join(b.look.get("traps", []))
    services = "".join(f"<li>{esc(one.strip())}</li>" for one in b.trade[3].split(",") if one.strip())
    main = f"<h1>{voice.fill(voice.LEAD[b.lang], b)}</h1>\n{voice.story(b, luck, 2)}{traps}"
    if b.look.get("single"):
        main += f"<ul>{services}</ul>{voice.contact(b, style)}{voice.hours(b)}"
        made["/"] = voice.layout(b, b.name, main, head, home=True)
        return write(world, b, base, made)
    home_knows = b.look["where"] in ("all", "home")
    made["/"] = voice.layout(b, b.name, main + (voice.hours(b) if home_knows else ""), head if home_knows else "", home=True)
    contact = f"<h1>{l['contact']}</h1>\n{voice.contact(b, style)}\n<h2>{l['hours']}</h2>{voice.hours(b)}" if b.look.get("hours") else \
        f"<h1>{l['contact']}</h1>\n{voice.contact(b, style)}"
    made[path["contact"]] = voice.layout(b, l["contact"], contact, head)
    long = f"<p>{trap(b.half, 'long', services=b.trade[3] or b.name)}</p>\n" + "".join(voice.story(b, luck, 3) for _ in range(b.look.get("long", 0)))
    made[path["about"]] = voice.layout(b, l["about"], f"<h2>{l['about']}</h2>{voice.story(b, luck, 3)}" + (long if b.look.get("long") else ""))
    made[path["services"]] = voice.layout(b, l["services"], f"<h2>{l['services']}</h2><ul>{services}</ul>{voice.story(b, luck, 1)}")
    if b.look.get("team"):
        made[path["team"]] = voice.layout(b, l["team"], f"<h1>{l['team']}</h1>{voice.team(b)}")
    if b.lang in ("de", "fr", "es", "pt"):
        made[path["legal"]] = voice.layout(b, l["legal"], voice.legal(b))
    if b.lang == "en":
        news = f"<h2>News</h2><p>{esc(luck.pick(voice.NEWS))}</p>" + "".join(trap(b.half, "thanks", name=one.name) for one in b.former)
        made[path["news"]] = voice.layout(b, "News", news)
    write(world, b, base, made)


def write(world, b, base, made):
    forbidden = b.look.get("robots")
    lines = [f"Sitemap: {base}/sitemap.xml", "User-agent: *"] + ([f"Disallow: {one}" for one in ROBOTS[b.half]] if forbidden else ["Disallow:"])
    charset = "text/html" if b.look.get("broken") else "text/html; charset=utf-8"
    for path, body in made.items():
        world.page(base + path, body, content_type=charset)
        b.texts.append(base + path)
    world.page(f"{base}/robots.txt", "\n".join(lines) + "\n", content_type="text/plain")
    entries = "".join(f"<url><loc>{base}{path}</loc></url>" for path in made)
    world.page(f"{base}/sitemap.xml", f'<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>',
               content_type="application/xml")
    if forbidden:
        world.page(f"{base}{ROBOTS[b.half][1]}contact.html", site_held.forbidden(b) if b.half == "held_out" else f"<html><title>{esc(b.name)} contact</title><body><p>{esc(b.name)}, {esc(b.place())}. "
                   f'Call <a href="tel:{b.old_phone.e164}">{b.old_phone.shown()}</a></p></body></html>')
    if b.half == "tune_b" and len(made) > 1:
        world.redirect(f"{base}/index.html", "/", 302)
    if b.half == "held_out" and not b.look.get("www"):
        world.redirect(f"http://{b.new_host or b.host}/", f"{base}/", 301)
    if b.look.get("www"):
        world.redirect(f"https://www.{b.host}/", f"{base}/", 308)
        world.redirect(f"http://www.{b.host}/", f"https://www.{b.host}/", 301)
    if b.new_host:
        world.redirect(f"https://{b.host}/", f"{base}/", 301)
        for path in list(made)[1:2]:
            world.redirect(f"https://{b.host}{path}", f"{base}{path}", 302)


def park(world, b, phone):
    """The domain that lists still know belongs to a dealer in domains."""
    world.page(f"https://{b.host}/", PARKED[b.half].format(host=b.host, phone=phone.shown()))
    world.page(f"https://{b.host}/robots.txt", "User-agent: *\nDisallow:\n", content_type="text/plain")
