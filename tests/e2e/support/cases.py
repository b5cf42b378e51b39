"""What tests of payments have in common."""

import io
import os
import pathlib
import sys
import tempfile
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

from .chain import Chain, missing
from .rpc_proxy import RpcProxy
from .shop import Shop, Sites, decoded, micros, order


# How much of a server's log is shown where a test fails.
LOG_CHARS = 6000


class OnChain(unittest.TestCase):
    """Tests with a chain and websites of their own, and a server for each test."""

    payers = 60

    @classmethod
    def setUpClass(cls):
        why = missing()
        if why:
            if os.environ.get("CI"):
                raise AssertionError(why)
            raise unittest.SkipTest(f"SKIPPED: {why}")
        cls.chain = Chain(cls.payers)
        cls.addClassCleanup(cls.chain.close)
        cls.sites = Sites()
        cls.addClassCleanup(cls.sites.close)

    def shop(self, way, **settings):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(self.sites.release)
        self.addCleanup(self.keep_log, pathlib.Path(folder.name) / "server.log")
        shop = Shop(pathlib.Path(folder.name), self.chain, self.sites, way, **settings)
        self.addCleanup(shop.close)
        return shop

    def proxied(self, way, **settings):
        """A server that reaches its chain through a proxy, and the proxy."""
        proxy = RpcProxy(self.chain.place["rpc_url"])
        self.addCleanup(proxy.close)
        network = f"X402_EIP155_{self.chain.place['chain_id']}"
        return self.shop(way, **{f"{network}_RPC_URL": proxy.url}, **settings), proxy

    def by_hand(self):
        """From here on, blocks are mined when told."""
        self.chain.automine(False)
        self.addCleanup(self.chain.automine, True)

    def claimed(self, shop, payment):
        """A payment that is claimed is never asked for again, whatever is known of it."""
        for body in (order(), order(0.4)):
            answer = shop.post(body, payment)
            self.assertIn(answer.status, (202, 409), answer)
            self.assertTrue("idempotency-replayed" in answer.headers or answer.body["code"] == "PAYMENT_ALREADY_USED", answer)

    def keep_log(self, file):
        self.logs.append(file.read_text() if file.exists() else "")

    def run(self, result=None):
        """Shows what the server said where a test fails."""
        self.logs = []
        before = result and len(result.failures) + len(result.errors)
        done = super().run(result)
        if result and len(result.failures) + len(result.errors) > before:
            for log in self.logs:
                print(f"-- the server of {self.id()} said, at last:\n{log[-LOG_CHARS:]}", file=sys.stderr, flush=True)
        return done

    def settled(self, poll, payer, since):
        """A job that was matched and paid: the chain, the poll, its header and the costs say the same amount. Returns it."""
        job = poll.body
        self.assertEqual((job["status"], job["billing_status"]), ("completed", "settled"), poll)
        self.assertTrue(job["result"]["matched"], poll)
        charged = micros(job["charged_usd"])
        self.assertEqual(charged, sum(micros(line["cost_usd"]) for line in job["costs"]), poll)
        transaction = job["payment"]["transaction"]
        self.assertEqual(self.chain.transfers(since, payer), [(payer["address"].lower(), charged, transaction)], "one Transfer, of the charge")
        said = decoded(poll.headers["payment-response"])
        self.assertEqual((said["success"], said["transaction"], int(said["amount"])), (True, transaction, charged))
        self.assertEqual(int(job["payment"]["amount"]), charged)
        return charged

    def balanced(self, shop, since):
        """The books balance, and say what the chain says since a block."""
        shop.audit()
        shop.kill()
        shop.command("audit", "--chain", "--from-block", str(since + 1))


def both(case):
    """Makes of a class of tests one for each way to settle: where it is named, they are in its module."""
    module = sys.modules[case.__module__]
    for way in ("direct", "batch"):
        name = case.__name__ + way.capitalize()
        setattr(module, name, type(name, (case, OnChain), {"way": way, "__module__": case.__module__}))
    return case


def main(at_once=1):
    """Runs the tests of the script. So many classes at the same time, where each has a chain of its own."""
    loaded = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    suites = [suite for suite in loaded if suite.countTestCases()]
    lock, results = threading.Lock(), []

    def run(suite):
        stream = io.StringIO() if at_once > 1 else None
        result = unittest.TextTestRunner(stream, verbosity=2).run(suite)
        with lock:
            results.append(result)
            if stream:
                print(stream.getvalue(), file=sys.stderr, flush=True)

    if len(sys.argv) > 1:
        suites = [unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:], sys.modules["__main__"])]
    with ThreadPoolExecutor(at_once) as threads:
        list(threads.map(run, suites))
    # A test fails once, however many of its parts do. What fails or is skipped for a whole class is no test.
    broken = [getattr(test, "test_case", test) for result in results for test, _ in result.failures + result.errors]
    skipped = [test for result in results for test, _ in result.skipped]
    failed = {test.id() for test in broken}
    not_passed = {test.id() for test in broken + skipped if isinstance(test, unittest.TestCase)}
    run_in_all = sum(result.testsRun for result in results)
    # As cargo prints it: scripts/test adds these up.
    print(f"test result: {'FAILED' if failed else 'ok'}. {run_in_all - len(not_passed)} passed; {len(failed)} failed", flush=True)
    sys.exit(bool(failed))
