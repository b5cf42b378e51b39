#!/usr/bin/env python3
"""Wallets buy from the real program on a real chain, with the official clients as they are: what is charged is what the job
cost, on the chain as in the books.

ENRICH_BINARY names the program; without it, the debug build. Needs what scripts/test installs; without that, tests are skipped,
except where CI is set.
"""

import subprocess

from support.cases import both, main
from support.paths import KEPT, PYTHON, TOP
from support.shop import JOBS, NOBODY, Job, buy, decoded, micros, order, until


@both
class Buying:
    def bought(self, client):
        shop, payer, since = self.shop(self.way), self.chain.payer(), self.chain.block()
        shop.demand()  # Not before the chain has been looked at.
        before = self.chain.balance(payer)
        accepted, poll = buy(client, shop, payer, JOBS, order(0.25))
        self.assertEqual((accepted.status, accepted.body["billing_mode"], accepted.body["status"]), (202, "x402_upto", "queued"))
        self.assertNotIn("payment-response", accepted.headers, "nothing is settled yet")
        charged = self.settled(poll, payer, since)
        self.assertGreater(charged, 0)
        self.assertLess(charged, 250_000, "the cost, and not the maximum")
        self.assertEqual(before - self.chain.balance(payer), charged)

        def booked():
            shown = shop.ask(f"/admin/jobs/{accepted.body['job_id']}").body
            return shown if len(shown["transfers"]) == 2 else None
        shown = until("the settlement is booked", booked)
        self.assertEqual(micros(shown["job"]["charged_usd"]), charged, shown)
        network = f"eip155:{self.chain.place['chain_id']}"
        moved = [(line["kind"], line["debit"], line["credit"], micros(line["amount_usd"])) for line in shown["transfers"]]
        claims, chain = f"claims/{network}", f"chain/{network}"
        self.assertEqual(moved, [("claim", claims, "revenue", charged), ("settle", chain, claims, charged)])
        self.balanced(shop, since)

    def test_the_typescript_client_is_charged_what_the_job_cost(self):
        self.bought("typescript")

    def test_the_python_client_is_charged_what_the_job_cost(self):
        self.bought("python")

    def test_no_match_makes_no_transaction(self):
        shop, payer, since = self.shop(self.way), self.chain.payer(), self.chain.block()
        job, _ = shop.bought(payer, order(payload=NOBODY))
        poll = job.end()
        self.assertEqual((poll.body["status"], poll.body["billing_status"], poll.body["charged_usd"]), ("completed", "settled", 0))
        self.assertEqual((poll.body["result"]["matched"], poll.body["payment"]["transaction"]), (False, None))
        said = decoded(poll.headers["payment-response"])
        self.assertEqual((said["success"], said["transaction"], said["amount"]), (True, "", "0"))
        self.assertEqual(self.chain.block(), since, "nothing at all was sent")
        self.assertEqual(job.as_operator()["transfers"], [], "and nothing was booked")
        self.balanced(shop, since)

    def test_a_wallet_without_an_allowance_is_told_to_approve_and_then_taken(self):
        shop, payer = self.shop(self.way), self.chain.place["payers_without_allowance"][("direct", "batch").index(self.way)]
        payment = shop.signed(payer)
        refused = shop.post(order(), payment)
        self.assertEqual((refused.status, refused.demanded()["error"]), (412, "permit2_allowance_required"), refused)
        self.chain.approve(payer, 1_000_000)
        since = self.chain.block()
        accepted = shop.post(order(), payment)
        self.assertEqual(accepted.status, 202, accepted)
        self.settled(Job(shop, accepted).end(), payer, since)

    def smoke(self, shop, mode, code=0, **settings):
        script = TOP / "scripts/smoke_enrich_upto_jobs.py"
        environment = KEPT | {"BASE_URL": shop.public} | settings
        done = subprocess.run([PYTHON, script, mode, "--ceiling", "0.5"], env=environment, capture_output=True, text=True, timeout=240)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def test_the_smoke_script_looks_at_the_402_and_buys(self):
        shop, payer, since = self.shop(self.way), self.chain.payer(), self.chain.block()
        shop.demand()
        self.assertIn("0 failed", self.smoke(shop, "--anon"))
        self.assertEqual(self.chain.block(), since)
        self.assertIn("0 failed", self.smoke(shop, "--upto", BUYER_KEY=payer["key"]))
        self.assertEqual(len(self.chain.transfers(since, payer)), 1)
        self.smoke(shop, "--upto", code=2)
        shop.kill()
        shop.settings = {name: value for name, value in shop.settings.items() if not name.startswith("X402_")}
        shop.start()
        for mode in ("--anon", "--upto"):
            self.smoke(shop, mode, code=3, BUYER_KEY=payer["key"])


if __name__ == "__main__":
    main()
