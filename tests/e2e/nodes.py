#!/usr/bin/env python3
"""Several nodes on one Redis: the real program, killed, stopped and cut off while buyers order from whichever node answers.

NODES_CYCLES says how often something is killed (K-2), NODES_SEED replays a schedule.
"""

import os
import pathlib
import random
import sys
import tempfile
import threading
import time
import unittest
from decimal import Decimal

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from support.cases import main
from support.nodes import LEASE_MS, Buyer, Cluster, Node, Receiver, Redis
from support.shop import ENDED, JOBS, call, micros, until

CYCLES = int(os.environ.get("NODES_CYCLES", "8"))
SEED = int(os.environ.get("NODES_SEED", str(random.randrange(10**6))))
COST = Decimal("0.01")
CREDIT = 1000


class OnRedis(unittest.TestCase):
    """Nodes of one store, and a receiver of their callbacks."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "redis").mkdir()
        self.redis = self.open(self.folder / "redis")
        self.addCleanup(self.redis.close)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.nodes = []

    def open(self, folder):
        return Redis(folder)

    def node(self, name, **settings):
        node = Node(self.folder, name, self.redis.url, **settings)
        self.addCleanup(node.close)
        self.nodes.append(node)
        return node

    def share(self, nodes):
        """Waits until each node has its even share, and everybody sees it."""
        def even():
            for node in nodes:
                held = node.held()
                shares = [len(held.get(one.id, ())) for one in nodes]
                if sum(shares) != 8 or max(shares) - min(shares) > 1 or len(held) != len(nodes):
                    return False
            return True
        until("each node has its share", even)

    def agent(self, node):
        answer = node.as_operator("POST", "/admin/agents", {"label": "a buyer", "credit_usd": CREDIT})
        self.assertEqual(answer.status, 201, answer)
        return answer.body["bearer"]

    def ended(self, node, job, poll, seconds=60):
        def look():
            answer = call(node.public, "GET", f"{JOBS}/{job}", poll)
            self.assertIn(answer.status, (200, 503), answer)
            return answer.body if answer.status == 200 and answer.body["status"] in ENDED else None
        return until(f"the end of {job}", look, seconds)

    def told(self, job):
        """At least one callback of a job, and all alike."""
        until(f"the callback of {job}", lambda: self.receiver.of(job), 60)
        self.assertEqual(len(set(self.receiver.of(job))), 1, self.receiver.of(job))

    def all_end_once(self, nodes, buyers, luck):
        """Buyers stop; each order has made one job, which ended, was charged and told of once. Returns how many there were."""
        for buyer in buyers:
            buyer.stopped.set()
        for buyer in buyers:
            buyer.join(timeout=60)
            self.assertFalse(buyer.is_alive(), "its last order was never answered")
            self.assertEqual(buyer.odd, [])
        jobs = [accepted for buyer in buyers for accepted in buyer.jobs.values()]
        print(f"{len(jobs)} jobs in {sum(buyer.tries for buyer in buyers)} requests", file=sys.stderr)
        self.assertEqual(len({job["job_id"] for job in jobs}), len(jobs), "a key made two jobs, or two keys one")
        for job in jobs:
            end = self.ended(luck.choice(nodes), job["job_id"], job["poll_bearer"])
            self.assertEqual((end["status"], end["charged_usd"]), ("completed", COST), end)
            self.told(job["job_id"])
        self.balanced(nodes[0], {buyer.bearer: len(buyer.jobs) for buyer in buyers})
        return len(jobs)

    def balanced(self, node, bearers):
        """Each agent has paid for its jobs, once each, and the books balance."""
        for bearer, jobs in bearers.items():
            left = call(node.public, "GET", "/api/v1/agents/balance", bearer).body
            self.assertEqual((micros(left["virtual_balance_usd"]), micros(left["held_usd"])), (CREDIT * 10**6 - jobs * micros(COST), 0))
        self.assertIn("The books balance", node.command("audit"))


class Killed(OnRedis):
    def test_k2_nodes_and_redis_are_killed_under_load(self):
        luck = random.Random(SEED)
        print(f"seed {SEED}, {CYCLES} cycles", file=sys.stderr)
        nodes = [self.node(name) for name in ("one", "two", "three")]
        self.share(nodes)
        bearers = [self.agent(luck.choice(nodes)) for _ in range(6)]
        buyers = [Buyer(nodes, bearer, self.receiver, luck.random()) for bearer in bearers]
        for buyer in buyers:
            buyer.start()
        for _ in range(CYCLES):
            time.sleep(luck.uniform(0.2, 2.5))
            victim = luck.choice([*nodes, self.redis])
            victim.kill()
            time.sleep(luck.uniform(0, 2 * LEASE_MS / 1000))
            victim.start()
        self.assertGreater(self.all_end_once(nodes, buyers, luck), CYCLES)


class Clustered(OnRedis):
    """The same on a Redis Cluster of three primaries."""

    def open(self, folder):
        return Cluster(folder)

    def test_nodes_are_killed_and_a_slot_moves_under_load(self):
        nodes = [self.node("one"), self.node("two")]
        self.share(nodes)
        buyers = [Buyer(nodes, self.agent(nodes[number % 2]), self.receiver, number) for number in range(4)]
        for buyer in buyers:
            buyer.start()
        time.sleep(1)
        moved = [self.redis.move(f"s{shard:02}") for shard in range(0, 8, 3)]
        self.assertTrue(all(moved), "slots with keys in them")
        time.sleep(1)
        nodes[0].kill()
        time.sleep(LEASE_MS / 1000)
        nodes[0].start()
        luck = random.Random(SEED)
        primary = luck.choice(self.redis.servers)
        primary.kill()
        time.sleep(1)
        primary.start()
        time.sleep(1)
        self.all_end_once(nodes, buyers, luck)


class Stopped(OnRedis):
    def test_f_n1_a_node_that_wakes_up_late_changes_nothing(self):
        """SIGSTOP in the middle of runs for longer than the lease; another finishes them; SIGCONT."""
        asleep = self.node("asleep", VENDOR_NOOP_DELAY_MS=1200)
        awake = self.node("awake", VENDOR_NOOP_DELAY_MS=50)
        self.share([asleep, awake])
        bearer = self.agent(awake)
        jobs = []
        for number in range(12):
            bearers = bearer if number % 2 else self.agent(awake)
            body = {"route": "enrich/websearch", "payload": {"business_name": "Acme Corp"}, "bill_up_to_usd": 0.05, "callback_url": self.receiver.url}
            answer = call(awake.public, "POST", JOBS, bearers, body)
            self.assertEqual(answer.status, 202, answer)
            jobs.append(answer.body)
        time.sleep(0.4)
        asleep.stop()
        until("all is held by the one that is awake", lambda: len(awake.held().get(awake.id, ())) == 8, 4 * LEASE_MS / 1000)
        ends = {job["job_id"]: self.ended(awake, job["job_id"], job["poll_bearer"]) for job in jobs}
        for job, end in ends.items():
            self.assertEqual((end["status"], end["charged_usd"]), ("completed", COST), end)
            self.told(job)
        asleep.go_on()
        self.share([asleep, awake])
        self.assertGreater(asleep.metric("enrich_shards_lost_total"), 0, "its leases ran out, and it knows")
        time.sleep(1)
        for job in jobs:
            again = self.ended(asleep, job["job_id"], job["poll_bearer"])
            self.assertEqual(again["charged_usd"], COST)
            self.told(job["job_id"])
        self.assertIn("The books balance", awake.command("audit"))


class ComingAndGoing(OnRedis):
    def test_a_node_that_comes_takes_its_share_and_one_that_goes_gives_it_back(self):
        one, two = self.node("one"), self.node("two")
        self.share([one, two])
        buyers = [Buyer([one, two], self.agent(one), self.receiver, number) for number in range(4)]
        for buyer in buyers:
            buyer.start()
        time.sleep(1)
        three = self.node("three")
        self.share([one, two, three])
        time.sleep(1)
        took = two.leave()
        until("the others have it all", lambda: sum(map(len, one.held().values())) == 8 and len(one.held()) == 2, 5)
        print(f"left in {took:.2f} s", file=sys.stderr)
        for buyer in buyers:
            buyer.nodes = [one, three]
        time.sleep(1)
        for buyer in buyers:
            buyer.stopped.set()
        for buyer in buyers:
            buyer.join(timeout=60)
            self.assertEqual(buyer.odd, [], "no answer but 202 and 503")
            for job in buyer.jobs.values():
                end = self.ended(three, job["job_id"], job["poll_bearer"])
                self.assertEqual((end["status"], end["charged_usd"]), ("completed", COST), end)
        self.balanced(one, {buyer.bearer: len(buyer.jobs) for buyer in buyers})

    def test_f_r7_another_store_under_a_known_name_is_refused(self):
        one = self.node("one")
        one.kill()
        self.redis.cli("FLUSHALL")
        said = ""
        try:
            one.start()
        except AssertionError as error:
            said = str(error)
        self.assertIn("is gone: the database was emptied", said)


if __name__ == "__main__":
    main()
