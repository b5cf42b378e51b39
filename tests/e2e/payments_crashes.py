#!/usr/bin/env python3
"""`kill -9` at each moment of a settlement, from the end of the work to the last booking: the next start ends where the chain is.

The moments are safety's crash points CP-11 to CP-21. A proxy before the chain kills the server at a call, and a preloaded library at
a write of its store, so that each is met exactly; the program knows of neither.

ENRICH_BINARY names the program; without it, the debug build.
"""

import sys
import tempfile
import unittest

from support import misdeeds
from support.cases import both, main
from support.dying import Dying, built, dead
from support.rpc_proxy import Cut
from support.shop import NOBODY, Job, micros, order, until

GWEI = 10**9
# Commits from the vendor's last answer to the broadcast, and to the last booking, are fewer.
COMMITS_MAX = 30


class Crashes:
    payers = 40

    @classmethod
    def setUpClass(cls):
        if not sys.platform.startswith("linux"):
            raise unittest.SkipTest("SKIPPED: preloading is done as on Linux")
        super().setUpClass()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.library = built(folder.name)

    def start(self, **settings):
        """A server that can be killed at any moment, its proxy, and how it dies."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        dying = Dying(folder.name, self.library)
        shop, proxy = self.proxied(self.way, **dying.settings, **settings)
        return shop, proxy, dying

    def again(self, shop, proxy, dying):
        """The server is dead; the next one lives."""
        self.assertTrue(dead(shop), "it was killed")
        proxy.open()
        dying.disarm()
        shop.kill()
        shop.start()

    def buys(self, shop):
        payer = self.chain.payer()
        job, payment = shop.bought(payer)
        return payer, payment, job

    def died(self, shop, dying, ended):
        """Waits until the server is dead, or has nothing left to write, and lets it live from then on; says which."""
        def quiet_or_dead():
            try:
                is_quiet = ended() and shop.ask("/admin/settlements").body["owed"] == 0
            except OSError:
                is_quiet = False
            return is_quiet or shop.process.poll() is not None
        until("the end", quiet_or_dead, 40)
        # A write that comes late, such as a checkpoint's, must find it disarmed.
        dying.disarm()
        return dead(shop, 1)

    def kills(self, shop):
        """A rule that kills the server before a call reaches the chain."""
        def kill(_params):
            shop.process.kill()
            raise Cut
        return kill

    def is_settled_once(self, shop, sold, since):
        payer, payment, job = sold
        self.settled(job.end(40), payer, since)
        self.claimed(shop, payment)
        until("nothing is owed", lambda: shop.ask("/admin/settlements").body["owed"] == 0)
        self.assertEqual(micros(shop.ask("/admin/exposure").body["total_usd"]), 0)
        self.assertEqual(shop.ask("/admin/debtors").body["items"], [])
        self.balanced(shop, since)

    def raise_fee(self, wei):
        self.chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(wei))
        self.chain.mine()

    def riding(self, shop):
        """The hashes of every transaction that is on its way, by account nonce."""
        lanes = shop.ask("/admin/settlements").body["lanes"]
        return [one["hashes"] for lane in lanes for one in lane["transactions"] if not one["mined"]]


@both
class Signing(Crashes):
    def test_cp11_after_each_write_between_the_work_and_the_broadcast(self):
        """The result and what is owed for it are one write, so what comes next is to be met after each write there is."""
        for commit in range(1, COMMITS_MAX):
            shop, proxy, dying = self.start()
            since = self.chain.block()
            self.sites.hold()
            sold = self.buys(shop)
            until("it reads a website", self.sites.asked.is_set)
            proxy.before["eth_sendRawTransaction"] = self.kills(shop)
            dying.after(commit)
            self.sites.release()
            self.assertTrue(dead(shop), f"commit {commit}")
            broadcast = bool(proxy.sent())
            self.again(shop, proxy, dying)
            self.is_settled_once(shop, sold, since)
            if broadcast:
                break
        # The hop, the end of the work, the choice of the lane, its taking over, its look at the payment, the signature.
        self.assertGreater(commit, 5)
        self.assertLess(commit, COMMITS_MAX - 1)

    def test_cp12_before_anything_is_signed(self):
        shop, proxy, dying = self.start()
        since = self.chain.block()
        self.sites.hold()
        sold = self.buys(shop)
        until("it reads a website", self.sites.asked.is_set)
        asked = len(proxy.asked("eth_call"))

        def dry_run(params):
            """The look at how a settlement would go is the one that comes from whoever settles."""
            if params[0].get("from"):
                self.kills(shop)(params)
        proxy.before["eth_call"] = dry_run
        self.sites.release()
        self.again(shop, proxy, dying)
        self.assertGreater(len(proxy.asked("eth_call")), asked)
        self.is_settled_once(shop, sold, since)

    def test_cp13_signed_and_stored_and_not_sent(self):
        shop, proxy, dying = self.start()
        since = self.chain.block()
        proxy.before["eth_sendRawTransaction"] = self.kills(shop)
        sold = self.buys(shop)
        self.assertTrue(dead(shop))
        # What is signed from now on pays something else; what is stored pays enough.
        base = int(self.chain.rpc("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)
        self.raise_fee(base * 6 // 5 + 1)
        self.again(shop, proxy, dying)
        self.is_settled_once(shop, sold, since)
        self.assertEqual(len(set(proxy.sent())), 1, "the bytes as they were stored")

    def test_cp14_sent_and_the_answer_lost(self):
        shop, proxy, dying = self.start()
        since = self.chain.block()
        self.by_hand()

        def kill(_params, _result):
            shop.process.kill()
            raise Cut
        proxy.after["eth_sendRawTransaction"] = kill
        sold = self.buys(shop)
        self.again(shop, proxy, dying)
        until("the same is sent again", lambda: len(proxy.sent()) > 1)
        self.assertEqual(self.chain.pending(), 1)
        self.claimed(shop, sold[1])
        self.chain.mine()
        self.chain.automine(True)
        self.is_settled_once(shop, sold, since)
        self.assertEqual(len(set(proxy.sent())), 1, "the bytes as they were stored")


@both
class Booking(Crashes):
    def test_cp15_mined_and_the_receipt_not_read(self):
        shop, proxy, dying = self.start()
        since = self.chain.block()
        proxy.before["eth_getTransactionReceipt"] = self.kills(shop)
        sold = self.buys(shop)
        self.again(shop, proxy, dying)
        self.assertEqual(len(self.chain.transfers(since)), 1)
        self.is_settled_once(shop, sold, since)
        self.assertEqual(len(set(proxy.sent())), 1)

    def with_the_receipt(self, proxy, act):
        def told(_params, result):
            if result:
                act()
            return result
        proxy.after["eth_getTransactionReceipt"] = told

    def test_cp16_the_receipt_read_and_nothing_booked(self):
        shop, proxy, dying = self.start()
        since = self.chain.block()
        self.with_the_receipt(proxy, dying.before)
        sold = self.buys(shop)
        self.again(shop, proxy, dying)
        self.is_settled_once(shop, sold, since)

    def test_cp17_after_each_write_of_what_the_receipt_says(self):
        for commit in range(1, COMMITS_MAX):
            shop, proxy, dying = self.start()
            since, armed = self.chain.block(), []

            def arm():
                if not armed:
                    armed.append(True)
                    dying.after(commit)
            self.with_the_receipt(proxy, arm)
            sold = self.buys(shop)
            died = self.died(shop, dying, lambda: sold[2].status() == "completed")
            if died:
                self.again(shop, proxy, dying)
            dying.disarm()
            proxy.open()
            self.is_settled_once(shop, sold, since)
            if not died:
                break
        # The lane's, the payer's, and the lane's that the payer has it.
        self.assertGreater(commit, 3)


@both
class Ending(Crashes):
    def test_cp20_after_each_write_of_a_job_that_costs_nothing(self):
        shop, proxy, dying = self.start()
        since, before = self.chain.block(), len(proxy.sent())
        for commit in range(1, COMMITS_MAX):
            payer = self.chain.payer()
            payment = shop.signed(payer, order(payload=NOBODY))
            dying.after(commit)
            try:
                job = Job(shop, shop.post(order(payload=NOBODY), payment))
            except OSError:
                job = None  # It died before it could answer.
            died = self.died(shop, dying, lambda: job and job.status() == "completed")
            if died:
                self.again(shop, proxy, dying)
                shop.demand()
            dying.disarm()
            answer = shop.post(order(payload=NOBODY), payment)
            self.assertEqual(answer.status, 202, answer)
            poll = Job(shop, answer).end()
            said = (poll.body["status"], poll.body["billing_status"], poll.body["charged_usd"], poll.body["payment"]["transaction"])
            self.assertEqual(said, ("completed", "settled", 0, None))
            if not died:
                break
        # The claim, the run, its end.
        self.assertGreater(commit, 3)
        self.assertEqual((len(proxy.sent()), self.chain.block()), (before, since), "nothing was ever sent")
        self.assertEqual(micros(shop.ask("/admin/exposure").body["total_usd"]), 0)
        self.balanced(shop, since)

    def test_cp21_after_each_write_of_a_payment_that_is_given_up(self):
        for commit in range(1, COMMITS_MAX):
            shop, proxy, dying = self.start(SETTLE_GIVE_UP_SECONDS=1)
            since = self.chain.block()
            self.sites.hold()
            payer, payment, job = self.buys(shop)
            until("it reads a website", self.sites.asked.is_set)
            revoked = []

            def dry_run(params):
                """The first look at how the settlement would go."""
                if params[0].get("from") and not revoked:
                    revoked.append(self.chain.done(misdeeds.revoke(self.chain, payer, payment, 0)))
                    dying.after(commit)
            proxy.before["eth_call"] = dry_run
            self.sites.release()
            died = self.died(shop, dying, lambda: job.status() == "failed")
            if died:
                self.again(shop, proxy, dying)
            dying.disarm()
            poll = job.end(40)
            self.assertEqual((poll.body["status"], poll.body["billing_status"]), ("failed", "settle_failed"), poll)
            (debtor,) = shop.ask("/admin/debtors").body["items"]
            self.assertEqual((debtor["wallet"], len(debtor["debts"])), (payer["address"], 1))
            self.assertEqual(micros(debtor["owed_usd"]), micros(poll.body["charged_usd"]))
            self.claimed(shop, payment)
            self.assertEqual((self.chain.transfers(since), proxy.sent()), ([], []), "nothing was ever sent")
            self.balanced(shop, since)
            if not died:
                break
        # That it fails, that it is given up, the payer's debt, and that the payer's shard has it.
        self.assertGreater(commit, 4)


@both
class Replacing(Crashes):
    def stuck(self):
        """A settlement that pays too little for the next block."""
        shop, proxy, dying = self.start()
        since = self.chain.block()
        self.by_hand()
        sold = self.buys(shop)
        until("it is sent", lambda: self.chain.pending() == 1)
        ((first,),) = self.riding(shop)
        offered = int(self.chain.rpc("eth_getTransactionByHash", first)["maxFeePerGas"], 16)
        return shop, proxy, dying, since, sold, first, lambda: self.raise_fee(offered + 10 * GWEI)

    def test_cp18_a_replacement_signed_and_not_stored(self):
        shop, proxy, dying, since, sold, first, raise_fee = self.stuck()
        raised = []

        def quoted(_params, result):
            """The quote that it signs with."""
            if raised:
                dying.before()
            return result
        proxy.after["eth_feeHistory"] = quoted
        raise_fee()
        raised.append(True)
        self.assertTrue(dead(shop))
        self.assertEqual(len(set(proxy.sent())), 1)
        self.again(shop, proxy, dying)
        until("it is replaced", lambda: len(set(proxy.sent())) == 2)
        (hashes,) = self.riding(shop)
        self.assertEqual((hashes[0], len(hashes)), (first, 2), "what was not stored is not there")
        until("in the pool too", lambda: self.chain.rpc("eth_getTransactionByHash", first) is None)
        self.chain.mine()
        self.chain.automine(True)
        self.is_settled_once(shop, sold, since)

    def replaced(self, mine_first):
        """It dies with the replacement stored: sent too, or not. Whichever is mined meanwhile is one of the two."""
        shop, proxy, dying, since, sold, first, raise_fee = self.stuck()
        known = set(proxy.sent())

        def kill(params, *_):
            if params[0] not in known:
                shop.process.kill()
                raise Cut
            return _[0] if _ else None
        rules = proxy.before if mine_first else proxy.after
        rules["eth_sendRawTransaction"] = kill
        raise_fee()
        self.assertTrue(dead(shop))
        if mine_first:
            self.chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(GWEI // 2))
            if not self.chain.pending():
                # This node has let it go meanwhile; another one hasn't.
                self.chain.rpc("eth_sendRawTransaction", proxy.sent()[0])
        self.chain.mine()
        self.chain.automine(True)
        ((*_, mined),) = self.chain.transfers(since)
        self.assertEqual(mined == first, mine_first)
        self.again(shop, proxy, dying)
        self.is_settled_once(shop, sold, since)

    def test_cp19_a_replacement_stored_and_the_first_is_mined(self):
        self.replaced(mine_first=True)

    def test_cp19_a_replacement_sent_and_it_is_mined(self):
        self.replaced(mine_first=False)


if __name__ == "__main__":
    main(at_once=6)
