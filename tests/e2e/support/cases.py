"""What tests of payments have in common."""

import os
import pathlib
import sys
import tempfile
import unittest

from .chain import Chain, missing
from .shop import Shop, Sites, decoded, micros


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


def main():
    result = unittest.main(module="__main__", exit=False, verbosity=2).result
    # A test fails once, however many of its parts do. What fails or is skipped for a whole class is no test.
    broken = [getattr(test, "test_case", test) for test, _ in result.failures + result.errors]
    failed = {test.id() for test in broken}
    not_passed = {test.id() for test in broken + [test for test, _ in result.skipped] if isinstance(test, unittest.TestCase)}
    # As cargo prints it: scripts/test adds these up.
    print(f"test result: {'FAILED' if failed else 'ok'}. {result.testsRun - len(not_passed)} passed; {len(failed)} failed", flush=True)
    sys.exit(bool(failed))
