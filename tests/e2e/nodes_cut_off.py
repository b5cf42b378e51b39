#!/usr/bin/env python3
"""What lies between a node and Redis fails in every way, at every kind of command, while a job is ordered, run, charged and told of.

NODES_CASES says how many of the 504 scripted cases are run, evenly spread (default: 42).
"""

import itertools
import os
import pathlib
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from support.cases import main
from support.nodes import Buyer, Node, Receiver, Redis
from support.redis_proxy import HARMS, RedisProxy
from support.shop import ENDED, JOBS, call, micros, until

# Which command, counted from the order on: records of a shard, rows of a checkpoint, renewals of leases, and any at all.
MOMENTS = [(":journal", nth) for nth in range(1, 5)] + [(":rows:", nth) for nth in (1, 2)] + [(":head", nth) for nth in range(1, 13)]
MOMENTS += [("enrich:nodes", nth) for nth in (1, 2, 3)] + [("EVALSHA", nth) for nth in range(1, 15, 2)]
# Shorter than anything; about a lease; longer than a lease and an answer's time limit.
SECONDS = (0.15, 0.7, 2.3)
CASES = list(itertools.product(HARMS, MOMENTS, SECONDS))
WANTED = min(int(os.environ.get("NODES_CASES", "42")), len(CASES))
LEASE_MS = 700
LANES = 3
WAIT_SECONDS = 6.0
COST, CREDIT = "0.01", 1000


# An id begins with its slot, and a slot's first bit is its shard where there are two (docs/architecture.md).
LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


def shard_of(agent_id):
    return LETTERS.index(agent_id.split("_")[1][0]) >> 4


class Lane:
    """A Redis, a node that reaches it through the proxy, and one that reaches it directly."""

    def __init__(self, test, folder):
        (folder / "redis").mkdir(parents=True)
        self.redis = Redis(folder / "redis")
        test.addCleanup(self.redis.close)
        self.proxy = RedisProxy(self.redis.port)
        test.addCleanup(self.proxy.close)
        self.receiver = Receiver()
        test.addCleanup(self.receiver.close)
        settings = {"ENRICH_LEASE_MS": LEASE_MS, "VENDOR_NOOP_DELAY_MS": 30, "ENRICH_SHARDS": 2}
        self.far = Node(folder, "far", self.proxy.url, **settings)
        test.addCleanup(self.far.close)
        self.near = Node(folder, "near", self.redis.url, **settings)
        test.addCleanup(self.near.close)
        until("each node has a shard", self.is_shared)
        # Two agents of each shard, so that whatever node holds which, both have something to do in each case.
        self.bearers = {0: [], 1: []}
        while min(map(len, self.bearers.values())) < 2:
            agent = self.agent()
            self.bearers[shard_of(agent["agent_id"])].append(agent["bearer"])
        self.ordered, self.wrong, self.came, self.unmet = 0, [], 0, {}

    def agent(self):
        answer = self.near.as_operator("POST", "/admin/agents", {"label": "a buyer", "credit_usd": CREDIT})
        assert answer.status == 201, answer
        return answer.body

    def is_shared(self):
        held = self.near.held()
        return len(held.get(self.far.id, ())) == len(held.get(self.near.id, ())) == 1

    def run(self, cases):
        for number, case in cases:
            try:
                self.one(number, case)
            except Exception as error:  # noqa: BLE001 - told with its case
                self.wrong.append(f"case {number} {case}: {error!r}")

    def one(self, number, case):
        harm, (word, nth), seconds = case
        # After the harm before, the far node has to come back first: it is its commands that are harmed.
        until("each node has a shard", self.is_shared)
        self.proxy.lay(harm, word, nth, seconds)
        # Two orders at once, of payers in both shards it may be, through the node that is cut off and the one that isn't.
        accepted = {}
        def order(bearer, node):
            buyer = Buyer([node], bearer, self.receiver, number)
            accepted[bearer] = buyer.order(f"case-{number}")
            assert not buyer.odd, buyer.odd
        nodes = [self.far, self.near]
        pair = [(self.bearers[shard][number % 2], nodes[(number + shard) % 2]) for shard in (0, 1)]
        orders = [threading.Thread(target=order, args=one, daemon=True) for one in pair]
        for one in orders:
            one.start()
        for one in orders:
            one.join(timeout=40)
        assert len(accepted) == 2 and all(accepted.values()), "an order was never answered"
        self.ordered += 2
        for job in accepted.values():
            end = until(f"the end of {job['job_id']}", lambda: self.ended(job), 40)
            assert (end["status"], str(end["charged_usd"])) == ("completed", COST), end
            until("its callback", lambda: self.receiver.of(job["job_id"]), 40)
        # Renewals and checkpoints come by themselves; a moment that was only there to be met late is waited for.
        deadline = time.monotonic() + WAIT_SECONDS
        while not self.proxy.sprung() and time.monotonic() < deadline:
            time.sleep(0.02)
        met = self.proxy.spring()
        self.came += met
        if not met:
            self.unmet[word] = self.unmet.get(word, 0) + 1
        self.proxy.heal()

    def balance(self, bearer):
        """Nothing while its shard changes hands."""
        answer = call(self.near.public, "GET", "/api/v1/agents/balance", bearer)
        return answer.body if answer.status == 200 else None

    def ended(self, job):
        answer = call(self.near.public, "GET", f"{JOBS}/{job['job_id']}", job["poll_bearer"])
        assert answer.status in (200, 503), answer
        return answer.body if answer.status == 200 and answer.body["status"] in ENDED else None


class CutOff(unittest.TestCase):
    def test_f_r1_no_harm_on_the_way_to_redis_loses_or_doubles_anything(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        step = len(CASES) / WANTED
        cases = [(number, CASES[int(number * step)]) for number in range(WANTED)]
        lanes = [Lane(self, pathlib.Path(folder.name) / f"lane-{number}") for number in range(min(LANES, WANTED))]
        running = [threading.Thread(target=lane.run, args=(cases[at::len(lanes)],), daemon=True) for at, lane in enumerate(lanes)]
        for one in running:
            one.start()
        for one in running:
            one.join()
        self.assertEqual([wrong for lane in lanes for wrong in lane.wrong], [])
        for lane in lanes:
            bearers = [*lane.bearers[0], *lane.bearers[1]]
            lefts = [until("a balance", lambda bearer=bearer: lane.balance(bearer)) for bearer in bearers]
            self.assertEqual(sum(micros(left["held_usd"]) for left in lefts), 0)
            spent = len(bearers) * CREDIT * 10**6 - sum(micros(left["virtual_balance_usd"]) for left in lefts)
            self.assertEqual(spent, lane.ordered * micros(COST), "each job is paid for once")
            for told in lane.receiver.got.values():
                self.assertEqual(len(set(told)), 1, told)
            self.assertEqual(len(lane.receiver.got), lane.ordered, "a job for each order, and none beside them")
            self.assertIn("The books balance", lane.near.command("audit"))
        came = sum(lane.came for lane in lanes)
        print(f"{WANTED} cases, {came} of them met their command; {sum(lane.ordered for lane in lanes)} jobs", file=sys.stderr)
        print("not met:", *(f"{word} {count}" for lane in lanes for word, count in lane.unmet.items()), file=sys.stderr)
        self.assertGreaterEqual(came, WANTED * 8 // 10, "the moments are to be met")


if __name__ == "__main__":
    main()
