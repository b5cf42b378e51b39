#!/usr/bin/env python3
"""A wallet that makes its payment worthless never sees the result: while the job waits, runs, or is being settled.

ENRICH_BINARY names the program; without it, the debug build.
"""

import time

from support import misdeeds
from support.cases import both, main
from support.chain import UNLIMITED
from support.shop import Job, micros, order, until


@both
class Drained:
    def paid(self, shop):
        """A job for each misdeed: (what, payer, payment, job)."""
        found = []
        for what in misdeeds.ALL:
            payer = self.chain.payer()
            job, payment = shop.bought(payer)
            found.append((what, payer, payment, job))
        return found

    def misbehave(self, paid, tip=0):
        return [misdeeds.ALL[what](self.chain, payer, payment, tip) for what, payer, payment, _ in paid]

    def check(self, shop, paid, since, codes):
        """Each job failed, nothing was paid, what was charged is owed; and the wallet is not taken until it has paid that."""
        for what, payer, _, job in paid:
            with self.subTest(what):
                poll = job.end()
                said = poll.body
                self.assertEqual(said["status"], "failed", poll)
                self.assertIn(said["error"]["code"], codes)
                self.assertNotIn("result", said)
                self.assertNotIn("partial_result", said)
                self.assertEqual(self.chain.transfers(since, payer), [])
                owed = micros(said["charged_usd"])
                if said["error"]["code"] == "PAYER_INSOLVENT":
                    self.assertEqual((owed, said["billing_status"]), (0, "settled"), poll)
                    continue
                self.assertEqual(said["billing_status"], "settle_failed", poll)
                self.assertGreater(owed, 0)
                # A wallet with code is refused before its debt is looked for.
                word = "unsupported_payer" if what == "the account is delegated" else "PAYER_IN_DEBT"
                self.owes(shop, payer, owed, word, pays=what == "the balance is spent")
        self.balanced(shop, since)

    def owes(self, shop, payer, owed, word, pays):
        self.chain.mint(payer, 10_000_000)
        self.chain.approve(payer, UNLIMITED)
        again = shop.post(order(), shop.signed(payer))
        self.assertEqual((again.status, again.demanded()["error"]), (402, word), again)
        (debtor,) = [one for one in shop.ask("/admin/debtors").body["items"] if one["wallet"] == payer["address"]]
        self.assertEqual(micros(debtor["owed_usd"]), owed)
        if not pays:
            return
        path, since = f"/api/v1/debts/{payer['address']}", self.chain.block()
        payments = self.chain.sign(payer, shop.demand({}, path), 2)
        answers = [shop.post({}, payments[0], path=path) for _ in range(3)]
        self.assertEqual([answer.status for answer in answers], [200, 200, 200], answers)
        for answer in answers:
            self.assertEqual((micros(answer.body["amount_usd"]), answer.body["owed_usd"]), (owed, 0), answer)
        self.assertEqual([amount for _, amount, _ in self.chain.transfers(since, payer)], [owed], "paid once")
        second = shop.post({}, payments[1], path=path)
        self.assertEqual((second.status, second.body["code"]), (404, "WALLET_NOT_IN_DEBT"), second)
        job, _ = shop.bought(payer)
        self.assertEqual(job.end().body["billing_status"], "settled", "it is taken again")

    def test_a_forgiven_wallet_is_taken_again(self):
        shop, since = self.shop(self.way, SETTLE_GIVE_UP_SECONDS=1), self.chain.block()
        self.sites.hold()
        payer = self.chain.payer()
        job, _ = shop.bought(payer)
        until("it reads a website", self.sites.asked.is_set)
        self.chain.approve(payer, 0)
        self.sites.release()
        owed = micros(job.end().body["charged_usd"])
        self.assertGreater(owed, 0)
        self.chain.approve(payer, UNLIMITED)
        refused = shop.post(order(), shop.signed(payer))
        self.assertEqual((refused.status, refused.demanded()["error"]), (402, "PAYER_IN_DEBT"), refused)

        path = f"/admin/debtors/{payer['address']}/forgive"
        self.assertEqual(shop.ask(path, "POST", {}).status, 422, "it takes a reason")
        forgiven = shop.ask(path, "POST", {"reason": "agreed by telephone"})
        self.assertEqual((forgiven.status, forgiven.body["wallet"], micros(forgiven.body["forgiven_usd"])), (200, payer["address"], owed))
        self.assertEqual(shop.ask("/admin/debtors").body["items"], [])
        twice = shop.ask(path, "POST", {"reason": "once more"})
        self.assertEqual((twice.status, twice.body["code"]), (404, "WALLET_NOT_IN_DEBT"), twice)
        noted = [one for one in shop.ask("/admin/log").body["items"] if one["act"] == "debtor_forgiven"]
        self.assertEqual([one["reason"] for one in noted], ["agreed by telephone"])
        # A restart forgets neither.
        shop.kill()
        shop.start()
        again, _ = shop.bought(payer)
        self.settled(again.end(), payer, since)
        self.assertEqual((job.poll().body["status"], job.poll().body["billing_status"]), ("failed", "settle_failed"), "what was lost stays so")
        self.balanced(shop, since)

    def test_while_the_job_waits(self):
        shop = self.shop(self.way, ENRICH_JOB_SLOTS=1)
        agent, since = shop.agent(), self.chain.block()
        self.sites.hold()
        first = shop.post(order(), bearer=agent["bearer"])
        self.assertEqual(first.status, 202, first)
        until("the first job reads a website", self.sites.asked.is_set)
        paid = self.paid(shop)
        self.assertEqual({job.status() for *_, job in paid}, {"queued"})
        for transaction in self.misbehave(paid):
            self.chain.done(transaction)
        self.sites.release()
        self.assertEqual(Job(shop, first).end().body["status"], "completed")
        self.check(shop, paid, since, ["PAYER_INSOLVENT"])

    def test_while_the_job_runs(self):
        shop, since = self.shop(self.way, SETTLE_GIVE_UP_SECONDS=2), self.chain.block()
        self.sites.hold()
        paid = self.paid(shop)
        until("a job reads a website", self.sites.asked.is_set)
        until("all run", lambda: {job.status() for *_, job in paid} == {"running"})
        for transaction in self.misbehave(paid):
            self.chain.done(transaction)
        self.sites.release()
        self.check(shop, paid, since, ["PAYER_INSOLVENT", "SETTLEMENT_FAILED"])

    def test_while_the_settlement_waits_for_a_block(self):
        shop, since = self.shop(self.way, SETTLE_GIVE_UP_SECONDS=2), self.chain.block()
        self.assertTrue(self.chain.delegate, "deployed while there are blocks")
        self.by_hand()
        paid = self.paid(shop)
        until("all are being settled", lambda: {job.status() for *_, job in paid} == {"completing"})
        # So many of a lane's transactions are under way at most; the last payment is refused before it is sent.
        wanted = 4 if self.way == "direct" else 1
        until("what settles them is sent", lambda: self.chain.pending() >= wanted)
        time.sleep(2)  # A batch may follow the first.
        transactions = self.misbehave(paid, misdeeds.TIP)
        self.chain.mine()
        for transaction in transactions:
            self.chain.done(transaction)
        self.chain.automine(True)
        self.chain.mine()
        self.check(shop, paid, since, ["SETTLEMENT_FAILED"])


if __name__ == "__main__":
    main()
