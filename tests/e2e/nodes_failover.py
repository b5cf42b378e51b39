#!/usr/bin/env python3
"""A failover of Redis that forgets what was acknowledged (F-R5): the primary's last writes never reached its replica.

Nodes reach Redis by one address, as behind a service's name, which leads to the promoted replica afterwards.
"""

import pathlib
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from support.cases import OnChain, main
from support.nodes import LEASE_MS, Node, Receiver, Redis
from support.redis_proxy import RedisProxy
from support.shop import ENDED, JOBS, Front, call, micros, networks, order, until

SUBMITS = 200
PAID = 12
CREDIT = 1000
COST = "0.01"


class Failover(OnChain):
    payers = 2 * PAID

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        for name in ("primary", "replica"):
            (self.folder / name).mkdir()
        self.primary = Redis(self.folder / "primary")
        self.addCleanup(self.primary.close)
        # All that the replica hears of its primary comes through here.
        self.copying = RedisProxy(self.primary.port)
        self.addCleanup(self.copying.close)
        self.replica = Redis(self.folder / "replica", "--replicaof", "127.0.0.1", str(self.copying.port))
        self.addCleanup(self.replica.close)
        until("the replica is in step", lambda: "master_link_status:up" in self.replica.cli("INFO", "replication"))
        self.address = RedisProxy(self.primary.port)
        self.addCleanup(self.address.close)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.nodes = [self.node(name) for name in ("one", "two")]
        until("each node has its share", lambda: all(
            {len(node.held().get(one.id, ())) for one in self.nodes} == {4} for node in self.nodes))

    def node(self, name):
        settings = networks(self.chain, "direct") | {"VENDOR_NOOP_DELAY_MS": 1500}
        node = Node(self.folder, name, self.address.url, **settings)
        self.addCleanup(self.keep_log, node.folder / "server.log")
        self.addCleanup(node.close)
        return node

    def submits(self):
        """What is acknowledged while the replica hears nothing: jobs on balances, and paid ones with their payments."""
        one = self.nodes[0]
        self.bearers = []
        for _ in range(8):
            agent = one.as_operator("POST", "/admin/agents", {"label": "a buyer", "credit_usd": CREDIT})
            self.assertEqual(agent.status, 201, agent)
            self.bearers.append(agent.body["bearer"])
        fronts = [Front(node.public, self.chain) for node in self.nodes]
        payers = [self.chain.payer() for _ in range(PAID)]
        payments = [(fronts[at % 2].signed(payer, self.body()), payer) for at, payer in enumerate(payers)]
        time.sleep(0.5)
        until("all of it is on the replica", self.in_step)
        self.copying.go_dark()
        self.jobs, self.paid, lock = {}, {}, threading.Lock()

        def on_balance(at):
            for number in range(at, SUBMITS - PAID, 8):
                answer = call(self.nodes[number % 2].public, "POST", JOBS, self.bearers[at], self.body(), Idempotency_Key=f"key-{number}")
                assert answer.status == 202, answer
                with lock:
                    self.jobs[answer.body["job_id"]] = answer.body

        ordering = [threading.Thread(target=on_balance, args=(at,)) for at in range(8)]
        for one in ordering:
            one.start()
        for at, (payment, payer) in enumerate(payments):
            answer = fronts[at % 2].post(self.body(), payment)
            self.assertEqual(answer.status, 202, answer)
            self.paid[answer.body["job_id"]] = (answer.body, payment, payer)
        for one in ordering:
            one.join()
        self.assertEqual(len(self.jobs) + len(self.paid), SUBMITS)

    def body(self):
        return order(callback_url=self.receiver.url)

    def in_step(self):
        offsets = [redis.cli("INFO", "replication") for redis in (self.primary, self.replica)]
        offset = [next(line.split(":")[1].strip() for line in text.splitlines() if line.startswith("master_repl_offset")) for text in offsets]
        return offset[0] == offset[1]

    def fail_over(self):
        self.primary.kill()
        self.assertEqual(self.replica.cli("REPLICAOF", "NO", "ONE"), "OK")
        self.address.leads_to(self.replica.port)

    def end(self, node, job):
        def look():
            answer = call(node.public, "GET", f"{JOBS}/{job['job_id']}", job["poll_bearer"])
            self.assertIn(answer.status, (200, 503), answer)
            return answer.body if answer.status == 200 and answer.body["status"] in ENDED else None
        return until(f"the end of {job['job_id']}", look, 60)

    def all_end_once(self, node, since):
        for job in self.jobs.values():
            end = self.end(node, job)
            self.assertEqual((end["status"], str(end["charged_usd"])), ("completed", COST), end)
        for job, _, payer in self.paid.values():
            end = self.end(node, job)
            self.assertEqual((end["status"], end["billing_status"]), ("completed", "settled"), end)
            taken = [amount for _, amount, _ in self.chain.transfers(since, payer)]
            self.assertEqual(taken, [micros(COST)], "a permit is taken once")
        for job_id in [*self.jobs, *self.paid]:
            until("its callback", lambda: self.receiver.of(job_id), 60)
            self.assertEqual(len(set(self.receiver.of(job_id))), 1, "all callbacks of a job are alike")
        spent = 0
        for bearer in self.bearers:
            left = call(node.public, "GET", "/api/v1/agents/balance", bearer).body
            self.assertEqual(micros(left["held_usd"]), 0)
            spent += CREDIT * 10**6 - micros(left["virtual_balance_usd"])
        self.assertEqual(spent, len(self.jobs) * micros(COST), "each job is paid for once")
        self.assertIn("The books balance", node.command("audit"))

    def test_f_r5_what_a_failover_forgot_is_written_again(self):
        since = self.chain.block()
        self.submits()
        self.fail_over()
        # A permit that was taken makes no second job, whatever the store has forgotten.
        for job_id, (_, payment, _) in self.paid.items():
            def again():
                answer = call(self.nodes[0].public, "POST", JOBS, None, self.body(), payment)
                return answer if answer.status != 503 else None
            answer = until("an answer to a payment that is sent again", again, 30)
            self.assertIn(answer.status, (202, 409), answer)
            if answer.status == 202:
                self.assertEqual(answer.body["job_id"], job_id, "the same job")
        self.all_end_once(self.nodes[1], since)
        written = sum(node.metric("enrich_records_written_again_total") for node in self.nodes)
        self.assertGreater(written, 0, "the failover had forgotten something")
        print(f"{written:.0f} records written again", file=sys.stderr)

    def test_f_r5_with_the_node_that_knew_it_killed_as_well(self):
        """Its tail lies on its disk, so what only it had acknowledged waits until it is back, and nothing is done without it."""
        since = self.chain.block()
        self.submits()
        # Nodes tell one another several times a lease what they have acknowledged; what none was told of can only be listed afterwards.
        time.sleep(LEASE_MS / 1000)
        self.nodes[0].kill()
        self.fail_over()
        time.sleep(3)
        self.nodes[0].start()
        self.all_end_once(self.nodes[1], since)


if __name__ == "__main__":
    main()
