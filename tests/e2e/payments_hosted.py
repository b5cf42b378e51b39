#!/usr/bin/env python3
"""Settling by somebody else: a facilitator made of the official TypeScript packages, known by its URL alone.

ENRICH_BINARY names the program; without it, the debug build.
"""

import os
import time

from support.cases import OnChain, main
from support.chain import Lines
from support.paths import CLIENTS
from support.shop import JOBS, NOBODY, OFFICIAL, Job, buy, call, decoded, networks, order, until


class Hosted(OnChain):
    def facilitator(self, *words):
        key = self.chain.place["operators"][0]["key"]
        command = ["node", CLIENTS / "facilitator.mjs", self.chain.place["rpc_url"], *words]
        facilitator = Lines(*command, env=os.environ | {"FACILITATOR_KEY": key})
        self.addCleanup(facilitator.close)
        return facilitator, facilitator.read()["url"]

    def test_each_official_client_buys_through_it(self):
        facilitator, url = self.facilitator()
        shop = self.shop(url)
        demanded = shop.demand()
        self.assertEqual(demanded["accepts"][0]["extra"]["facilitatorAddress"], self.chain.place["operators"][0]["address"])
        for client in OFFICIAL:
            with self.subTest(client):
                payer, since = self.chain.payer(), self.chain.block()
                accepted, poll = buy(client, shop, payer, JOBS, order(0.25))
                self.assertEqual((accepted.status, accepted.body["billing_mode"]), (202, "x402_upto"), accepted)
                self.settled(poll, payer, since)
        facilitator.close()
        shop.audit()

    def test_what_it_settles_while_the_server_is_dead_is_found(self):
        _, url = self.facilitator()
        shop, payer, since = self.shop(url), self.chain.payer(), self.chain.block()
        self.addCleanup(self.chain.automine, True)
        payment = shop.signed(payer)
        self.chain.automine(False)
        job = Job(shop, shop.post(order(), payment))
        until("the facilitator sends", lambda: self.chain.pending() == 1)
        shop.kill()
        self.chain.automine(True)
        self.chain.mine()
        until("it is mined", lambda: self.chain.transfers(since, payer))
        # From now on it refuses, since the nonce is used: only the chain can tell.
        shop.start()
        self.settled(job.end(), payer, since)
        self.balanced(shop, since)

    def test_without_the_facilitator_it_waits_and_is_settled_once_that_is_back(self):
        facilitator, url = self.facilitator()
        shop, payer, since = self.shop(url), self.chain.payer(), self.chain.block()
        payment = shop.signed(payer)
        facilitator.close()
        job = Job(shop, shop.post(order(), payment))
        until("it is owed", lambda: shop.ask("/admin/settlements").body["owed"] == 1)
        shop.kill()
        hosted, direct = dict(shop.settings), networks(self.chain, "direct")
        shop.settings = {name: value for name, value in hosted.items() if not name.endswith("FACILITATOR_URL")} | direct
        shop.start()

        def waits():
            return [item["waits_for"] for item in shop.ask("/admin/settlements").body["items"]] == ["no_facilitator"]

        until("it waits", waits)
        ready = call(shop.public, "GET", "/readyz")
        self.assertEqual((ready.status, len(ready.body["degraded"])), (200, 1), ready)
        self.assertIn('enrich_settlements_stuck{why="no_facilitator"} 1', shop.ask("/metrics").text)
        self.assertEqual(job.poll().body["billing_status"], "settling")
        self.assertEqual(self.chain.transfers(since, payer), [], "no operator may settle it")
        shop.kill()
        _, again = self.facilitator("--port", url.rsplit(":", 1)[1])
        self.assertEqual(again, url)
        shop.settings = hosted
        shop.start()
        self.settled(job.end(), payer, since)
        self.balanced(shop, since)

    def test_no_match_does_not_ask_it_to_settle(self):
        _, url = self.facilitator()
        shop, payer, since = self.shop(url), self.chain.payer(), self.chain.block()
        job, _ = shop.bought(payer, order(payload=NOBODY))
        poll = job.end()
        self.assertEqual((poll.body["billing_status"], poll.body["charged_usd"]), ("settled", 0))
        self.assertEqual(decoded(poll.headers["payment-response"])["amount"], "0")
        self.assertEqual(self.chain.block(), since, "nothing at all was sent")

    def test_one_without_upto_is_never_offered(self):
        _, url = self.facilitator("--without-upto")
        shop = self.shop(url)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            answer = shop.post(order())
            offered = answer.demanded()["accepts"] if "payment-required" in answer.headers else []
            self.assertNotIn("upto", [accepted["scheme"] for accepted in offered], answer)
            self.assertNotEqual(answer.status, 202)
            time.sleep(0.2)
        resources = call(shop.public, "GET", "/discovery/resources").text
        self.assertNotIn('"upto"', resources)


if __name__ == "__main__":
    main()
