#!/usr/bin/env python3
"""A node that is stopped while it settles, for longer than its leases (F-N1), and wakes up when another has settled in its place:
the zombie's writes are refused and counted, a payment is taken once, and callbacks of a job are alike."""

import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from support.cases import both, main
from support.nodes import Node, Receiver, Redis
from support.shop import ENDED, JOBS, Front, call, micros, networks, order, until

COST = "0.01"
JOBS_AT_ONCE = 4


@both
class Asleep:
    payers = 2 * JOBS_AT_ONCE

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "redis").mkdir()
        self.redis = Redis(self.folder / "redis")
        self.addCleanup(self.redis.close)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)

    def node(self, name, **settings):
        node = Node(self.folder, name, self.redis.url, **networks(self.chain, self.way), **settings)
        self.addCleanup(self.keep_log, node.folder / "server.log")
        self.addCleanup(node.close)
        return node

    def taken_over(self, linger_ms, stop_when):
        """Jobs are accepted; the node that settles is stopped at a moment, another goes on, blocks are mined, and it wakes up."""
        asleep = self.node("asleep", SETTLE_LINGER_MS=linger_ms)
        until("it has all shards", lambda: len(asleep.held().get(asleep.id, ())) == 8)
        since = self.chain.block()
        front = Front(asleep.public, self.chain)
        jobs = {}
        signed = [(front.signed(payer, self.body()), payer) for payer in (self.chain.payer() for _ in range(JOBS_AT_ONCE))]
        for payment, payer in signed:
            answer = front.post(self.body(), payment)
            self.assertEqual(answer.status, 202, answer)
            jobs[answer.body["job_id"]] = (answer.body, payer)
        stop_when(asleep, [job for job, _ in jobs.values()])
        asleep.stop()
        awake = self.node("awake", SETTLE_LINGER_MS=linger_ms)
        until("all is held by the one that is awake", lambda: len(awake.held().get(awake.id, ())) == 8)
        self.chain.automine(True)
        self.chain.mine()
        ends = {job_id: self.end(awake, job) for job_id, (job, _) in jobs.items()}
        asleep.go_on()
        until("it knows that it had lost them", lambda: asleep.metric("enrich_shards_lost_total") > 0)
        # Long enough for whatever it had in hand to be sent, refused, or mined.
        time.sleep(3)
        for job_id, (job, payer) in jobs.items():
            end = ends[job_id]
            self.assertEqual((end["status"], end["billing_status"], str(end["charged_usd"])), ("completed", "settled", COST), end)
            self.assertEqual([amount for _, amount, _ in self.chain.transfers(since, payer)], [micros(COST)], "one Transfer, of the charge")
            for node in (asleep, awake):
                self.assertEqual(self.end(node, job)["payment"], end["payment"])
            until("its callback", lambda: self.receiver.of(job_id))
            self.assertEqual(len(set(self.receiver.of(job_id))), 1, "all callbacks of a job are alike")
        self.assertIn("The books balance", awake.command("audit"))
        return asleep

    def body(self):
        return order(callback_url=self.receiver.url)

    def end(self, node, job):
        def look():
            answer = call(node.public, "GET", f"{JOBS}/{job['job_id']}", job["poll_bearer"])
            self.assertIn(answer.status, (200, 503), answer)
            return answer.body if answer.status == 200 and answer.body["status"] in ENDED else None
        return until(f"the end of {job['job_id']}", look, 60)

    def all_are(self, node, jobs, status):
        def look():
            answers = [call(node.public, "GET", f"{JOBS}/{job['job_id']}", job["poll_bearer"]) for job in jobs]
            return all(answer.body.get("status") == status for answer in answers)
        until(f"all are {status}", look)

    def test_f_n1_stopped_before_the_settlement_is_sent(self):
        self.taken_over(1200, lambda node, jobs: self.all_are(node, jobs, "completing"))

    def test_f_n1_stopped_with_the_settlement_on_its_way(self):
        self.by_hand()
        sent = JOBS_AT_ONCE if self.way == "direct" else 1
        self.taken_over(200, lambda node, jobs: until("what settles them is sent", lambda: self.chain.pending() >= sent))


if __name__ == "__main__":
    main()
