#!/usr/bin/env python3
"""A server that is killed while it settles goes on where it was: a payment is taken once, and its job ends as the chain says.

ENRICH_BINARY names the program; without it, the debug build.
"""

from support.cases import both, main
from support.shop import until

JOBS_AT_ONCE = 3


@both
class Killed:
    def accepted(self, shop):
        return [(payer, shop.bought(payer)[0]) for payer in (self.chain.payer() for _ in range(JOBS_AT_ONCE))]

    def all_are(self, jobs, status):
        until(f"all are {status}", lambda: {job.status() for _, job in jobs} == {status})

    def sent(self, jobs):
        """Waits until what settles the jobs is on its way: a transaction for each, or one for all."""
        until("what settles them is sent", lambda: self.chain.pending() >= (len(jobs) if self.way == "direct" else 1))

    def settled_once(self, shop, jobs, since):
        for payer, job in jobs:
            self.settled(job.end(), payer, since)
        self.balanced(shop, since)

    def test_between_the_end_of_the_work_and_the_settlement(self):
        shop, since = self.shop(self.way, SETTLE_LINGER_MS=1500), self.chain.block()
        jobs = self.accepted(shop)
        until("one is to be settled", lambda: any(job.status() == "completing" for _, job in jobs))
        shop.kill()
        shop.start()
        self.settled_once(shop, jobs, since)

    def test_with_the_settlement_on_its_way(self):
        shop, since = self.shop(self.way), self.chain.block()
        self.by_hand()
        jobs = self.accepted(shop)
        self.all_are(jobs, "completing")
        self.sent(jobs)
        shop.kill()
        shop.start()
        self.assertEqual({job.status() for _, job in jobs}, {"completing"}, "nobody knows yet")
        self.chain.automine(True)
        self.chain.mine()
        self.settled_once(shop, jobs, since)

    def test_with_the_settlement_mined_while_it_is_down(self):
        shop, since = self.shop(self.way), self.chain.block()
        self.by_hand()
        jobs = self.accepted(shop)
        self.all_are(jobs, "completing")
        self.sent(jobs)
        shop.kill()
        self.chain.mine()
        self.chain.automine(True)
        shop.start()
        self.settled_once(shop, jobs, since)

    def test_before_the_settlement_is_deep_enough(self):
        shop, since = self.shop(self.way, CONFIRMATIONS=3), self.chain.block()
        jobs = self.accepted(shop)
        until("all are mined", lambda: sum(len(self.chain.transfers(since, payer)) for payer, _ in jobs) == len(jobs))
        self.assertEqual({job.status() for _, job in jobs}, {"completing"}, "two more blocks are needed")
        shop.kill()
        shop.start()
        for _ in range(3):
            self.chain.mine()
        self.settled_once(shop, jobs, since)

    def test_again_and_again(self):
        shop, since = self.shop(self.way, SETTLE_LINGER_MS=200), self.chain.block()
        jobs = self.accepted(shop)
        for _ in range(4):
            shop.kill()
            shop.start()
        self.settled_once(shop, jobs, since)


if __name__ == "__main__":
    main()
