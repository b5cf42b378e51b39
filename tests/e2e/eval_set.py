#!/usr/bin/env python3
"""samples/eval is what its generator writes, and has the size and the halves that its README promises.

That each answer is really in it is checked by the generator, which must also notice when one isn't.
"""

import copy
import csv
import json
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "scripts"))

from eval_set import check, leads, listings, reread, sites, whole, words_held, words_tune, words_tune_b

SET = TOP / "samples" / "eval"


def records(name):
    return [json.loads(line) for line in (SET / name).read_text("utf-8").splitlines()]


class EvalSet(unittest.TestCase):
    def test_it_is_as_generated(self):
        made = whole.make()
        again = whole.make()
        for name, text in made.items():
            self.assertEqual(text, again[name], f"{name} differs from one run to the next")
            self.assertTrue((SET / name).read_bytes() == text.encode(), f"{name} is not as generated: run scripts/make_eval_set.py")
        self.assertEqual(sorted([*made, "README.md"]), sorted(path.name for path in SET.iterdir()))

    def test_counts_and_halves(self):
        pages, websearch, leads = records("pages.ndjson"), records("websearch.ndjson"), records("leads.ndjson")
        counts = json.loads((SET / "manifest.json").read_text())["counts"]
        self.assertEqual((counts["pages"], counts["websearch"], counts["leads"]), (len(pages), len(websearch), len(leads)))
        self.assertGreaterEqual(counts["businesses"], 300)
        self.assertGreaterEqual(len(websearch), 300)
        self.assertGreaterEqual(len(leads), 200)
        self.assertGreaterEqual(len(pages), 1500)
        self.assertLess((SET / "pages.ndjson").stat().st_size, 10_000_000)
        for what in (websearch, leads):
            self.assertEqual(len({one["id"] for one in what}), len(what))
            for half in whole.HALVES:
                mine = [one for one in what if one["split"] == half]
                self.assertGreaterEqual(len(mine) / len(what), 0.3)
                missing = sum(not one["expect"]["matched"] for one in mine) / len(mine)
                self.assertTrue(0.1 < missing < 0.3, f"{missing:.0%} of {half} have no match")

    def test_the_web_holds_together(self):
        pages = {page["url"]: page for page in records("pages.ndjson")}
        self.assertEqual(len(pages), len(records("pages.ndjson")), "one page twice")
        for url, page in pages.items():
            self.assertTrue(url.split("/")[2].endswith(".example"), url)
            self.assertEqual("location" in page["headers"], page["status"] in (301, 302, 308), url)
        hosts = {url.split("/")[2].removeprefix("www.") for url in pages}
        self.assertLessEqual(hosts, {one["name"] for one in records("dns.ndjson")})
        with (SET / "directory.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(list(rows[0]), listings.COLUMNS)
        self.assertTrue(all(row["name"] and len(row) == len(listings.COLUMNS) for row in rows))

    def test_the_halves_share_no_answer(self):
        seen = {}
        for one in records("websearch.ndjson"):
            for phone in one["expect"].get("phones", []):
                self.assertEqual(seen.setdefault(phone, one["split"]), one["split"], phone)

    def test_a_stranger_finds_the_answers(self):
        """Following links from each site's address, and knowing nothing of the generator; where a page is missing or roles are swapped, that must be seen."""
        websearch, pages = records("websearch.ndjson"), records("pages.ndjson")
        with (SET / "directory.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        self.assertEqual(reread.faults(websearch, pages, rows), [])
        held = [one for one in websearch if one["split"] == "held_out"]
        fewer = [page for page in pages if not page["url"].endswith(("/contact-us/", "/visit", "/contact-8"))]
        self.assertGreater(len(reread.faults(held, fewer, rows)), 100)
        swapped = copy.deepcopy(held)
        for people in (one["expect"].get("people", []) for one in swapped):
            if len(people) > 1:
                people[0]["role"], people[1]["role"] = people[1]["role"], people[0]["role"]
        self.assertGreater(len(reread.faults(swapped, pages, rows)), 50)

    def test_what_is_held_out_has_words_of_its_own(self):
        for what in ("CITIES", "STREETS", "STEMS", "NOBODY", "TRADES", "GIVEN", "FAMILY", "ROLES", "ODD_NAMES", "CHAINS", "AGGREGATORS", "AGENCIES", "FREEMAIL", "MAILBOXES"):
            mine, *others = [{one if isinstance(one, str) else one[0] for one in getattr(words, what)} for words in (words_held, words_tune, words_tune_b)]
            self.assertFalse(mine & set.union(*others), what)

    def test_a_trap_that_is_expected_is_noticed(self):
        expectation = whole.expectation
        whole.expectation = lambda b: {**expectation(b), **({"phones": [b.fax.e164]} if b.fax else {})}
        try:
            with self.assertRaisesRegex(check.Wrong, "is a trap"):
                whole.make()
        finally:
            whole.expectation = expectation

    def test_an_answer_that_is_nowhere_is_noticed(self):
        """The generator's own check can fail: leave out the contact data of one kind of site, and it must say so."""
        voice = sites.VOICES["tune"]
        kept, voice.contact = voice.contact, lambda b, style: ""
        try:
            with self.assertRaisesRegex(check.Wrong, "phones .* is nowhere"):
                whole.make()
        finally:
            voice.contact = kept

    def test_an_address_that_nobody_could_make_is_noticed(self):
        kept, leads.mail_of = leads.mail_of, lambda b, person: f"x.{person.name.split()[-1].lower()}@{b.host}"
        try:
            with self.assertRaisesRegex(check.Wrong, "neither said nor like others"):
                whole.make()
        finally:
            leads.mail_of = kept

    def test_a_business_that_should_be_missing_is_noticed(self):
        """Were the names that nobody bears given to businesses, the questions without an answer would have one."""
        kept, words_tune.NOBODY = words_tune.NOBODY, words_tune.STEMS[:12]
        try:
            with self.assertRaisesRegex(check.Wrong, "is at https|is in the directory"):
                whole.make()
        finally:
            words_tune.NOBODY = kept


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=2).result
    failed = len(result.failures) + len(result.errors)
    print(f"test result: {'FAILED' if failed else 'ok'}. {result.testsRun - failed} passed; {failed} failed", flush=True)
    sys.exit(failed > 0)
