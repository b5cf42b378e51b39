#!/usr/bin/env python3
"""What happens between a server and its chain, and on the chain behind its back: a payment is taken once, is never asked for again
once it is claimed, and its job ends as the chain says.

ENRICH_BINARY names the program; without it, the debug build. HIDDEN_SECONDS says for how long receipts are hidden (6).
"""

import os
import time

from support import misdeeds
from support.cases import both, main
from support.rpc_proxy import Cut
from support.shop import micros, until

HIDDEN_SECONDS = int(os.environ.get("HIDDEN_SECONDS", 6))
# Receipts are hidden for longer than this, so whoever takes their absence for a failure gives up meanwhile.
GIVE_UP_SECONDS = max(1, HIDDEN_SECONDS // 2)
GWEI = 10**9


class Faults:
    payers = 12

    def bought(self, shop, count=2):
        """Jobs that are accepted: (payer, payment, job)."""
        payers = [self.chain.payer() for _ in range(count)]
        return [(payer, payment, job) for payer in payers for job, payment in [shop.bought(payer)]]

    def on_their_way(self, shop, jobs):
        """Waits until everything that settles the jobs was sent: a transaction for each, or for all. Returns the hashes."""
        def sent():
            lanes = shop.ask("/admin/settlements").body["lanes"]
            open_ones = [one for lane in lanes for one in lane["transactions"] if not one["mined"]]
            riding = sum(one["settlements"] for one in open_ones)
            return open_ones if riding == len(jobs) and self.chain.pending() == len(open_ones) else None
        return [one["hashes"][-1] for one in until("what settles them is sent", sent)]

    def are_settled_once(self, shop, jobs, since, seconds=40):
        for payer, payment, job in jobs:
            self.settled(job.end(seconds), payer, since)
            self.claimed(shop, payment)
        self.assertEqual(shop.ask("/admin/debtors").body["items"], [])
        until("nothing is owed", lambda: shop.ask("/admin/settlements").body["owed"] == 0)

    def is_owed(self, shop, job, payer, payment, reason):
        """A job that the chain says is not paid, and whose wallet owes it."""
        poll = job.end(40)
        self.assertEqual((poll.body["status"], poll.body["billing_status"]), ("failed", "settle_failed"), poll)
        self.claimed(shop, payment)
        (debtor,) = shop.ask("/admin/debtors").body["items"]
        (debt,) = debtor["debts"]
        said = (debtor["wallet"], debt["job_id"], micros(debt["amount_usd"]), debt["reason"])
        self.assertEqual(said, (payer["address"], job.id, micros(poll.body["charged_usd"]), reason))


@both
class Replies(Faults):
    def test_the_answer_to_a_broadcast_is_swallowed(self):
        shop, proxy = self.proxied(self.way)
        since, left = self.chain.block(), [3]

        def swallow(_params, result):
            if left[0]:
                left[0] -= 1
                raise Cut
            return result
        proxy.after["eth_sendRawTransaction"] = swallow
        jobs = self.bought(shop)
        self.are_settled_once(shop, jobs, since)
        self.assertLess(left[0], 3, "one was swallowed, at least")
        self.assertEqual(len(set(proxy.sent())), len({transaction for *_, transaction in self.chain.transfers(since)}), "signed once")
        self.balanced(shop, since)

    def test_the_answer_is_swallowed_and_nothing_is_mined(self):
        shop, proxy = self.proxied(self.way)
        since = self.chain.block()
        self.by_hand()

        def swallow(*_):
            raise Cut
        proxy.after["eth_sendRawTransaction"] = swallow
        jobs = self.bought(shop)
        hashes = self.on_their_way(shop, jobs)
        sent = len(proxy.sent())
        until("the same is sent again", lambda: len(proxy.sent()) > sent)
        proxy.open()
        self.assertEqual(len(set(proxy.sent())), len(hashes), "the same bytes")
        for _, payment, _ in jobs:
            self.claimed(shop, payment)
        self.chain.mine()
        self.chain.automine(True)
        self.are_settled_once(shop, jobs, since)
        self.balanced(shop, since)


@both
class Pools(Faults):
    def test_a_transaction_is_dropped(self):
        shop, since = self.shop(self.way), self.chain.block()
        self.by_hand()
        jobs = self.bought(shop)
        hashes = self.on_their_way(shop, jobs)
        for hash in hashes:
            self.chain.rpc("anvil_dropTransaction", hash)
        self.assertEqual(self.chain.pending(), 0)
        until("the same is sent again", lambda: self.chain.pending() == len(hashes))
        self.chain.mine()
        self.chain.automine(True)
        self.are_settled_once(shop, jobs, since)
        self.assertEqual({transaction for *_, transaction in self.chain.transfers(since)}, set(hashes))
        self.balanced(shop, since)

    def test_a_stuck_transaction_pays_more(self):
        shop, proxy = self.proxied(self.way)
        since = self.chain.block()
        self.by_hand()
        jobs = self.bought(shop, 1)
        (first,) = self.on_their_way(shop, jobs)
        offered = int(self.chain.rpc("eth_getTransactionByHash", first)["maxFeePerGas"], 16)
        self.chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(offered + 10 * GWEI))
        self.chain.mine()
        self.assertEqual(self.chain.transfers(since), [], "it pays too little")
        second = until("a replacement is sent", lambda: [raw for raw in proxy.sent() if raw != proxy.sent()[0]])
        self.assertEqual(len(set(second)), 1)
        until("it replaces the first", lambda: self.chain.rpc("eth_getTransactionByHash", first) is None)
        self.claimed(shop, jobs[0][1])
        self.chain.mine()
        self.chain.automine(True)
        self.are_settled_once(shop, jobs, since)
        ((*_, settled_in),) = self.chain.transfers(since)
        self.assertNotEqual(settled_in, first)
        self.balanced(shop, since)


@both
class Hidden(Faults):
    def test_receipts_are_hidden_for_a_while(self):
        shop, proxy = self.proxied(self.way, SETTLE_GIVE_UP_SECONDS=GIVE_UP_SECONDS)
        since = self.chain.block()
        proxy.hide_receipts()
        jobs = self.bought(shop)
        until("all are mined", lambda: len(self.chain.transfers(since)) == len(jobs))
        transactions = {transaction for *_, transaction in self.chain.transfers(since)}
        hidden_until = time.monotonic() + HIDDEN_SECONDS
        while time.monotonic() < hidden_until:
            self.chain.mine()
            for _, payment, job in jobs:
                self.assertEqual(job.status(), "completing", "nobody knows yet")
                self.claimed(shop, payment)
            self.assertEqual(shop.ask("/admin/debtors").body["items"], [])
            time.sleep(0.5)
        proxy.open()
        self.are_settled_once(shop, jobs, since)
        self.assertEqual(len(set(proxy.sent())), len(transactions), "nothing was signed twice")
        self.balanced(shop, since)

    def test_a_restart_with_receipts_hidden(self):
        shop, proxy = self.proxied(self.way, SETTLE_GIVE_UP_SECONDS=1)
        since = self.chain.block()
        proxy.hide_receipts()
        jobs = self.bought(shop)
        until("all are mined", lambda: len(self.chain.transfers(since)) == len(jobs))
        shop.kill()
        shop.start()
        hidden_until = time.monotonic() + 3
        while time.monotonic() < hidden_until:
            for *_, job in jobs:
                self.assertEqual(job.status(), "completing", "nobody knows yet")
            time.sleep(0.2)
        proxy.open()
        self.are_settled_once(shop, jobs, since)
        self.balanced(shop, since)


@both
class Reorgs(Faults):
    def test_a_reorg_of_3_blocks(self):
        shop, since = self.shop(self.way), self.chain.block()
        jobs = self.bought(shop)
        self.are_settled_once(shop, jobs, since)
        before = self.chain.transfers(since)
        # Deep enough that the first of them is undone, and all that came after.
        first = min(int(self.chain.rpc("eth_getTransactionReceipt", hash)["blockNumber"], 16) for *_, hash in before)
        while self.chain.block() < first + 2:
            self.chain.mine()
        self.chain.reorg(self.chain.block() - first + 1)
        self.assertEqual(self.chain.transfers(since), [], "undone")
        self.assertEqual({job.status() for *_, job in jobs}, {"completed"}, "a job that has ended stays so")
        until("the same is mined again", lambda: len(self.chain.transfers(since)) == len(jobs), 40)
        self.assertEqual(sorted(self.chain.transfers(since)), sorted(before), "under the same names")
        self.are_settled_once(shop, jobs, since)
        self.balanced(shop, since)

    def test_a_reorg_before_it_is_final_and_then_the_wallet_is_empty(self):
        shop, since = self.shop(self.way, CONFIRMATIONS=6, SETTLE_GIVE_UP_SECONDS=1), self.chain.block()
        ((payer, payment, job),) = self.bought(shop, 1)
        until("it is mined", lambda: self.chain.transfers(since))
        for _ in range(2):
            self.chain.mine()
        self.by_hand()
        self.chain.reorg(3)
        self.assertEqual(self.chain.transfers(since), [], "undone")
        until("the same is sent again", lambda: self.chain.pending() == 1, 40)
        transaction = misdeeds.spend(self.chain, payer, payment, misdeeds.TIP)
        self.chain.mine()
        self.chain.done(transaction)
        for _ in range(6):
            self.chain.mine()
        self.chain.automine(True)
        (debtor,) = until("it is owed", lambda: shop.ask("/admin/debtors").body["items"], 40)
        self.assertEqual(debtor["wallet"], payer["address"])
        self.claimed(shop, payment)
        self.assertEqual(self.chain.transfers(since), [])
        self.balanced(shop, since)


@both
class Strangers(Faults):
    def used_by_another(self, hashes):
        """Someone else has the operators' keys and uses the account nonces of these transactions, before them."""
        for hash in hashes:
            ours = self.chain.rpc("eth_getTransactionByHash", hash)
            fees = {"maxPriorityFeePerGas": hex(50 * GWEI), "maxFeePerGas": hex(100 * GWEI)}
            theirs = {"from": ours["from"], "to": ours["from"], "nonce": ours["nonce"], "gas": hex(30_000)} | fees
            self.chain.rpc("eth_sendTransaction", theirs)

    def alarms(self, shop):
        lines = [line for line in shop.log().splitlines() if "isn't ours used the operator account" in line]
        return len(lines)

    def test_a_foreign_transaction_uses_the_account(self):
        shop, since = self.shop(self.way), self.chain.block()
        self.by_hand()
        jobs = self.bought(shop)
        hashes = self.on_their_way(shop, jobs)
        self.used_by_another(hashes)
        self.chain.mine()
        self.assertEqual(self.chain.transfers(since), [])
        self.chain.automine(True)
        self.are_settled_once(shop, jobs, since)
        self.assertGreaterEqual(self.alarms(shop), 1)
        self.assertFalse({transaction for *_, transaction in self.chain.transfers(since)} & set(hashes), "under other account nonces")
        self.balanced(shop, since)

    def test_a_foreign_transaction_and_a_payment_that_is_used_elsewhere(self):
        """Neither receipt nor nonce bit says who it was: it was neither us nor for us."""
        shop, since = self.shop(self.way, SETTLE_GIVE_UP_SECONDS=1), self.chain.block()
        self.by_hand()
        ((payer, payment, job),) = self.bought(shop, 1)
        self.used_by_another(self.on_their_way(shop, [job]))
        transaction = misdeeds.use_elsewhere(self.chain, payer, payment, misdeeds.TIP)
        self.chain.mine()
        self.chain.done(transaction)
        self.chain.automine(True)
        self.is_owed(shop, job, payer, payment, "burned")
        self.assertEqual(self.chain.transfers(since), [])
        self.balanced(shop, since)


if __name__ == "__main__":
    main(at_once=4)
