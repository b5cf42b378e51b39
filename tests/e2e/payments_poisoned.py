#!/usr/bin/env python3
"""Wallets that make their payments worthless at the last moment harm nobody who is settled in the same transaction.

ENRICH_BINARY names the program; without it, the debug build.
"""

from concurrent.futures import ThreadPoolExecutor

from support import misdeeds
from support.cases import OnChain, main
from support.shop import micros, until

CLAIMS = 30
BOMB = {"every signature of it takes all gas": misdeeds.explode}
SIX = misdeeds.ALL | BOMB
# What the chain says of each. Permit2 says the same of an empty wallet and of a revoked allowance, and code that has no answer the
# same as code that never comes to one.
REASONS = {
    "the balance is spent": ("refused", "transfer_failed"),
    "the allowance is revoked": ("refused", "transfer_failed"),
    "the nonce is cancelled": ("burned", None),
    "the nonce is used for another spender": ("burned", None),
    "the account is delegated": ("refused", "empty"),
    "every signature of it takes all gas": ("refused", "empty"),
}


class Poisoned(OnChain):
    payers = 80

    def due_at_once(self, shop):
        """So many jobs that end at the same moment: (payer, payment, job)."""
        shop.demand()
        self.sites.hold()
        payers = [self.chain.payer() for _ in range(CLAIMS)]
        with ThreadPoolExecutor(8) as threads:
            bought = list(threads.map(shop.bought, payers))
        jobs = [(payer, payment, job) for payer, (job, payment) in zip(payers, bought)]
        until("all run", lambda: {job.status() for *_, job in jobs} == {"running"})
        self.sites.release()
        until("all are to be settled", lambda: {job.status() for *_, job in jobs} == {"completing"})
        return jobs

    def poisoned(self, what):
        """30 claims are on their way when the wallets of six become worthless, in the order of `what`; then blocks come again."""
        shop, since = self.shop("batch", SETTLE_LINGER_MS=2000, SETTLE_GIVE_UP_SECONDS=2, ENRICH_JOB_SLOTS=CLAIMS), self.chain.block()
        self.assertTrue(self.chain.delegate and self.chain.gas_bomb, "deployed while there are blocks")
        self.by_hand()
        jobs = self.due_at_once(shop)
        until("all ride in two transactions", lambda: self.chain.pending() == 2 and not self.waiting(shop))
        bad = list(zip(what, jobs))
        transactions = [misdeed(self.chain, payer, payment, misdeeds.TIP) for misdeed, (payer, payment, _) in bad]
        self.chain.mine()
        for transaction in transactions:
            self.chain.done(transaction)
        return shop, since, [job for _, job in bad], jobs[len(bad):]

    def waiting(self, shop):
        return sum(lane["waiting"] for lane in shop.ask("/admin/settlements").body["lanes"])

    def goods_are_settled(self, good, since, transactions_max):
        charges = [self.settled(job.end(), payer, since) for payer, _, job in good]
        transfers = self.chain.transfers(since)
        self.assertEqual(len(transfers), len(good), "a Transfer for each, and for nobody else")
        self.assertEqual(sum(amount for _, amount, _ in transfers), sum(charges))
        self.assertLessEqual(len({transaction for *_, transaction in transfers}), transactions_max)

    def bads_owe(self, shop, bad, reasons):
        debtors = {}
        for (payer, payment, job), reason in zip(bad, reasons):
            poll = job.end()
            said = poll.body
            self.assertEqual((said["status"], said["error"]["code"], said["billing_status"]), ("failed", "SETTLEMENT_FAILED", "settle_failed"), poll)
            self.assertNotIn("result", said)
            self.claimed(shop, payment)
            debtors[payer["address"]] = (micros(said["charged_usd"]), job.id, *reason)
        found = {one["wallet"]: one for one in shop.ask("/admin/debtors").body["items"]}
        self.assertEqual(found.keys(), debtors.keys())
        for wallet, (owed, job_id, reason, revert) in debtors.items():
            (debt,) = found[wallet]["debts"]
            self.assertEqual((micros(debt["amount_usd"]), debt["job_id"], debt["reason"], debt["revert"]), (owed, job_id, reason, revert))
            self.assertGreater(owed, 0)

    def test_five_poisoned_claims_and_a_gas_bomb_among_thirty(self):
        shop, since, bad, good = self.poisoned(SIX.values())
        self.chain.automine(True)
        self.goods_are_settled(good, since, 2)
        self.bads_owe(shop, bad, REASONS.values())
        self.balanced(shop, since)

    def test_so_many_gas_bombs_that_a_whole_transaction_reverts(self):
        shop, since, bad, good = self.poisoned([misdeeds.explode] * 6)
        self.chain.automine(True)
        self.chain.mine()
        self.goods_are_settled(good, since, 3)
        self.bads_owe(shop, bad, [REASONS["every signature of it takes all gas"]] * 6)
        self.balanced(shop, since)


if __name__ == "__main__":
    main()
