#!/usr/bin/env python3
"""A server that is killed during a lead session goes on with the hop that was under way: what is on record is asked for once, what
was under way at most twice, and bill and result are those of a session that nobody killed.

ENRICH_BINARY names the program; without it, the debug build.
"""

import copy
import json
import pathlib
import tempfile
import unittest
from decimal import Decimal

from support.cases import main
from support.shop import JOBS, Job, Shop, call, micros, until
from support.vendors import Vendors

LEAD = {
    "contact_id": 81555753,
    "first_name": "Ruth",
    "last_name": "Haney",
    "company": "Haney Furniture Co",
    "city": "New Castle",
    "state": "PA",
    "number1": "(724) 555-0132",
}


class OneSession(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vendors = Vendors()
        cls.addClassCleanup(cls.vendors.close)

    def setUp(self):
        self.vendors.start_anew()
        self.addCleanup(self.vendors.release)

    def shop(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        vendors = {
            "VENDOR_SEARCH_URL": self.vendors.url,
            "VENDOR_LLM_URL": self.vendors.url + "/v1",
            "VENDOR_LLM_MODEL": "scripted-1",
            "VENDOR_LLM_INPUT_USD_PER_MTOK": "1",
            "VENDOR_LLM_OUTPUT_USD_PER_MTOK": "4",
            # Each session of this test asks for itself; what is kept is another test's.
            "ENRICH_CACHE_SECONDS": "0",
        }
        shop = Shop(pathlib.Path(folder.name), None, self.vendors, None, **vendors)
        self.addCleanup(shop.close)
        return shop

    def ordered(self, shop, mode):
        payload = {"lead": LEAD, "budget_usd": 2.0, "max_rounds": 5, "mode": mode}
        bearer = shop.agent(20)["bearer"]
        answer = shop.post({"route": "enrich/lead-session", "payload": payload, "bill_up_to_usd": 5.0}, bearer=bearer)
        self.assertEqual(answer.status, 202, answer)
        return Job(shop, answer), bearer

    def balance(self, shop, bearer):
        return call(shop.public, "GET", "/api/v1/agents/balance", bearer).body

    def ended(self, shop, job, bearer):
        """The end of a job whose books balance, and what is the same whenever it ran."""
        body = job.end().body
        self.assertEqual(body["status"], "completed", body)
        charged = micros(body["charged_usd"])
        self.assertEqual(charged, sum(micros(line["cost_usd"]) for line in body["costs"]), body)
        self.assertEqual(charged, micros(body["result"]["cost_usd"]), body)
        self.assertEqual(self.balance(shop, bearer), {"virtual_balance_usd": 20 - Decimal(charged) / 10**6, "held_usd": 0})
        shop.audit()
        same = copy.deepcopy({name: body[name] for name in ("result", "costs", "charged_usd", "refunded_usd")})
        for source in same["result"]["sources"]:
            del source["fetched_at"]
        return same

    def check_killed_at_each_hop(self, mode):
        shop = self.shop()
        whole = self.ended(shop, *self.ordered(shop, mode))
        asked = dict(self.vendors.asked)
        self.assertGreaterEqual(len(asked), 3, asked)
        self.assertEqual(set(asked.values()), {1}, "without a kill each is asked once")
        for number in range(1, len(asked) + 1):
            with self.subTest(killed_at=number):
                # Sessions learn from those before them: each of these has nothing to go by but what the first one had.
                shop.close()
                shop = self.shop()
                self.vendors.start_anew()
                self.vendors.hold(number)
                job, bearer = self.ordered(shop, mode)
                self.assertTrue(self.vendors.reached.wait(20), f"question {number} never came")
                so_far = job.poll().body
                on_record = len(so_far["costs"])
                shop.kill()
                before = dict(self.vendors.asked)
                under_way = [question for question in before if question not in self.answered(before, number)]
                self.vendors.release()
                shop.start()
                self.assertEqual(self.ended(shop, job, bearer), whole)
                after = dict(self.vendors.asked)
                self.assertEqual(set(after), set(asked), "the same questions, and no other")
                for question, times in after.items():
                    self.assertLessEqual(times, 2 if question in under_way else 1, f"{question}: on record, or asked once after the kill")
                self.assertEqual(sum(after.values()), len(asked) + 1, "what was under way is asked again, and nothing else")
                hops = job.as_operator()["hops"]
                self.assertGreaterEqual(len(hops), on_record)
        shop.kill()
        shop.command("audit")

    def answered(self, before, number):
        """What had an answer when the kill came: all but the last question, which was held."""
        return list(before)[: number - 1]

    def test_by_gain_and_cost(self):
        self.check_killed_at_each_hop("waterfall")

    def test_by_a_model(self):
        self.check_killed_at_each_hop("llm")

    def test_what_a_cancelled_session_had_found_is_kept_over_a_kill(self):
        shop = self.shop()
        job, bearer = self.ordered(shop, "waterfall")
        whole = self.ended(shop, job, bearer)
        last = sum(self.vendors.asked.values())
        self.vendors.start_anew()
        self.vendors.hold(last)
        job, bearer = self.ordered(shop, "waterfall")
        self.assertTrue(self.vendors.reached.wait(20))
        shown = until("progress", lambda: (job.poll().body.get("progress") or {}).get("found") and job.poll().body["progress"])
        self.assertGreater(shown["cost_usd"], 0)
        self.assertLessEqual({found["field"] for found in shown["found"]}, set(whole["result"]["fields"]))
        told = shop.ask(f"/admin/jobs/{job.id}").body["job"]["progress"]
        self.assertTrue(told["found"] and all("value" not in found for found in told["found"]), told)
        self.assertEqual(call(shop.public, "POST", f"{JOBS}/{job.id}/cancel", job.bearer).status, 202)
        shop.kill()
        self.vendors.release()
        shop.start()
        body = job.end().body
        self.assertEqual((body["status"], body["error"]["code"]), ("failed", "CANCELLED"), body)
        partial, charged = body["partial_result"], micros(body["charged_usd"])
        self.assertEqual((partial["stopped_because"], partial["billed"]), ("cancelled", True), body)
        self.assertEqual(charged, micros(partial["cost_usd"]))
        self.assertEqual(charged, sum(micros(line["cost_usd"]) for line in body["costs"]))
        self.assertEqual(set(partial), set(whole["result"]), "the shape of a result")
        self.assertTrue(partial["fields"])
        shop.kill()
        shop.start()
        self.assertEqual(job.poll().body["partial_result"], partial, json.dumps(body, default=str))
        shop.audit()


if __name__ == "__main__":
    main()
