#!/usr/bin/env python3
"""A payment is good for one job, however often it comes and whoever sends it; and a wallet's signatures are worth what it has.

ENRICH_BINARY names the program; without it, the debug build.
"""

from concurrent.futures import ThreadPoolExecutor

from support.cases import both, main
from support.shop import ACME, Job, order


def at_once(count, do):
    """Does it so many times at the same time, with the number of each; returns what they returned."""
    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(do, range(count)))


@both
class Repeated:
    def test_one_header_500_times_at_once_is_one_job(self):
        shop, payer, since = self.shop(self.way), self.chain.payer(), self.chain.block()
        payment = shop.signed(payer)
        bodies = [order(), order(payload=ACME | {"city": "Miami"})]
        answers = at_once(500, lambda number: shop.post(bodies[number % 2], payment))
        statuses = {status: sum(answer.status == status for answer in answers) for status in (202, 409)}
        self.assertEqual(sum(statuses.values()), 500, {str(answer) for answer in answers if answer.status not in statuses})
        self.assertGreater(statuses[202], 0)
        self.assertGreaterEqual(statuses[409], 250, "those with the other body, at least")
        taken = [answer for answer in answers if answer.status == 202]
        self.assertEqual(len({answer.body["job_id"] for answer in taken}), 1, "one job")
        self.assertEqual(sum("idempotency-replayed" not in answer.headers for answer in taken), 1, "one first answer")
        for answer in answers:
            if answer.status == 409:
                self.assertEqual((answer.body["code"], "poll_bearer" in answer.body), ("PAYMENT_ALREADY_USED", False), answer)
        self.settled(Job(shop, taken[0]).end(), payer, since)
        self.balanced(shop, since)

    def test_50_payments_at_once_are_worth_no_more_than_the_wallet_has(self):
        shop, payer = self.shop(self.way), self.chain.payer()
        self.chain.leave(payer, 1_000_000)
        since = self.chain.block()
        body = order(0.4)
        payments = self.chain.sign(payer, shop.demand(body), 54)
        self.sites.hold()
        answers = at_once(50, lambda number: shop.post(body, payments[number]))
        taken = [answer for answer in answers if answer.status == 202]
        self.assertEqual(len(taken), 2, "as many as the balance covers")
        for answer in answers:
            if answer not in taken:
                self.assertEqual(answer.status, 402, answer)
                self.assertEqual(answer.demanded()["error"], "permit2_insufficient_balance", answer)
        self.assertEqual(shop.post(body, payments[50]).status, 402, "nothing has been settled yet")
        self.sites.release()
        jobs = [Job(shop, answer).end().body for answer in taken]
        self.assertEqual([job["billing_status"] for job in jobs], ["settled", "settled"])
        self.assertEqual(len(self.chain.transfers(since, payer)), 2)
        again = [shop.post(body, payment).status for payment in payments[51:53]]
        self.assertEqual(again, [202, 202], "what was not charged can be signed for again")

    def test_a_payment_made_of_public_calldata_gets_nothing(self):
        shop, payer, since = self.shop(self.way), self.chain.payer(), self.chain.block()
        job, payment = shop.bought(payer)
        poll = job.end()
        self.settled(poll, payer, since)
        rebuilt = self.chain.wallet("rebuild", hash=poll.body["payment"]["transaction"], required=shop.demand())
        self.assertEqual(len(rebuilt), 1)
        for body in (order(), order(payload=ACME | {"city": "Miami"}), order(0.4)):
            for header in (*rebuilt, payment):
                answer = shop.post(body, header)
                self.assertEqual((answer.status, answer.body["code"]), (409, "PAYMENT_ALREADY_USED"), answer)
                self.assertNotIn("411j_", answer.text)
                self.assertNotIn(job.id, answer.text)
        shop.kill()
        shop.start()
        shop.demand()
        answer = shop.post(order(), rebuilt[0])
        self.assertEqual((answer.status, answer.body["code"]), (409, "PAYMENT_ALREADY_USED"), "nor after a restart")
        self.assertEqual(len(self.chain.transfers(since, payer)), 1)


if __name__ == "__main__":
    main()
