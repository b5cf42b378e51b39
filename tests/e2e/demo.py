#!/usr/bin/env python3
"""The demo shows wallets paying where there is anvil, says how to get it where there is none, and leaves no chain behind.

ENRICH_BINARY names the program; without it, the debug build.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest
import urllib.error
import urllib.request

from support.cases import main
from support.chain import HTTP, missing
from support.paths import BINARY, KEPT, PYTHON, TOP
from support.shop import until

FREE_PORTS = ["--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"]
SECONDS = 60
CLEAN = "1 payments of $0.045 in all are booked, and on the chain\n  Books and chain say the same, to the micro-dollar."


def answers(url):
    """Whether a chain is there."""
    request = urllib.request.Request(url, b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}', {"content-type": "application/json"})
    try:
        HTTP.open(request, timeout=5).close()
        return True
    except (urllib.error.URLError, ConnectionError):
        return False


class Demo:
    """A running demo, in a folder of its own."""

    def __init__(self, test, *arguments, path=None, **settings):
        folder = tempfile.TemporaryDirectory()
        test.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        environment = KEPT | {"TMPDIR": folder.name} | settings
        if path is not None:
            environment["PATH"] = path
        command = [BINARY, "demo", *FREE_PORTS, *arguments]
        self.process = subprocess.Popen(command, cwd=folder.name, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.said = ""
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        test.addCleanup(self.close)

    def read(self):
        for line in self.process.stdout:
            self.said += line

    def hears(self, text):
        until(f"{text!r}", lambda: text in self.said or self.process.poll() is not None, SECONDS)
        assert text in self.said, self.said

    def end(self, how=None):
        if how is not None:
            self.process.send_signal(how)
        code = self.process.wait(timeout=SECONDS)
        self.reader.join(timeout=SECONDS)
        return code

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join(timeout=SECONDS)
        self.process.stdout.close()

    def chain(self):
        """Where its chain is, which is not there any more when the demo has ended."""
        return re.search(r"anvil, at (http://\S+)", self.said).group(1)


class OnItsChain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        why = missing()
        if why:
            if os.environ.get("CI"):
                raise AssertionError(why)
            raise unittest.SkipTest(f"SKIPPED: {why}")

    def demo(self, *arguments):
        return Demo(self, "--contracts", TOP / "contracts", *arguments)

    def gone(self, chain):
        until("the chain is gone", lambda: not answers(chain))

    def cell(self, demo, step):
        """What a line of the table of steps says of the job that matches, and of the one that doesn't."""
        line = next(line for line in demo.said.splitlines() if line.strip().startswith(step))
        return re.split(r" {2,}", line.strip())[1:]

    def test_a_wallet_is_charged_what_its_job_cost_and_nothing_where_there_is_no_match(self):
        demo = self.demo("--exit")
        self.assertEqual(demo.end(), 0, demo.said)
        self.assertEqual(self.cell(demo, "asked without"), ["402: upto, $1.500", "402: upto, $1.500"], demo.said)
        self.assertEqual(self.cell(demo, "sent again"), ["202: x402_upto", "202: x402_upto"], demo.said)
        self.assertEqual(self.cell(demo, "its hops cost"), ["$0.045", "$0.030"], demo.said)
        for step in ("charged", "settled, says"):
            self.assertEqual(self.cell(demo, step), ["$0.045", "$0.000"], demo.said)
        self.assertEqual(self.cell(demo, "moved, says"), ["$0.045", "nothing"], demo.said)
        self.assertEqual(self.cell(demo, "blocks of the chain"), ["1", "0"], demo.said)
        self.assertRegex(demo.said, r"The transaction: 0x[0-9a-f]{64}\n")
        self.assertRegex(demo.said, r"claim +Acme Corp, Tampa +\$0\.045 +claims/(eip155:\d+) +revenue\n +settle +\$0\.045 +chain/\1 +claims/\1\n")
        self.assertIn(CLEAN, demo.said, "and nothing else was paid")
        self.gone(demo.chain())
        self.assertEqual(list(demo.folder.iterdir()), [], "nothing is left")

    def test_what_it_says_to_go_on_with_works_and_a_signal_ends_demo_and_chain(self):
        demo = self.demo()
        demo.hears("curl -s $ENRICH_ADMIN_URL")
        self.assertTrue(answers(demo.chain()))
        key, base = (re.search(rf"{name}=(\S+)", demo.said).group(1) for name in ("BUYER_KEY", "BASE_URL"))
        environment = KEPT | {"BASE_URL": base, "BUYER_KEY": key}
        smoke = [PYTHON, TOP / "scripts/smoke_enrich_upto_jobs.py"]
        for mode in (["--anon"], ["--upto", "--ceiling", "0.25"]):
            done = subprocess.run([*smoke, *mode], env=environment, capture_output=True, text=True, timeout=240)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        typed = demo.said.split("As an operator:")[1]
        script = "\n".join(line for line in typed.splitlines() if "curl" not in line)
        done = subprocess.run(["sh", "-ec", script], env=KEPT, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, script + done.stdout + done.stderr)
        self.assertIn("2 payments of", done.stdout)
        self.assertIn("Books and chain say the same", done.stdout)
        self.assertEqual(demo.end(signal.SIGINT), 0, demo.said)
        self.gone(demo.chain())

    def test_a_demo_that_is_killed_leaves_no_chain(self):
        demo = self.demo()
        demo.hears("polled to its end")
        chain = demo.chain()
        self.assertTrue(answers(chain))
        demo.end(signal.SIGKILL)
        self.gone(chain)

    def test_a_folder_that_has_seen_another_chain_is_gone_on_in(self):
        first = self.demo("--exit", "--data", "kept")
        self.assertEqual(first.end(), 0, first.said)
        second = self.demo("--exit", "--data", first.folder / "kept")
        self.assertEqual(second.end(), 0, second.said)
        self.assertIn(CLEAN, second.said)


class WithoutAChain(unittest.TestCase):
    def shown_without(self, line, *arguments, path=None):
        demo = Demo(self, "--exit", *arguments, path=path)
        self.assertEqual(demo.end(), 0, demo.said)
        self.assertIn(f"  Not shown: {line}.\n", demo.said)
        self.assertIn("the books balance     yes", demo.said)

    def test_it_says_what_brings_anvil_and_passes(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        contracts, empty = pathlib.Path(folder.name) / "contracts", pathlib.Path(folder.name) / "empty"
        shutil.copytree(TOP / "contracts/artifacts", contracts / "artifacts")
        empty.mkdir()
        line = "there is no anvil for a local chain: `npm --prefix contracts ci` in the repository brings it, where there is Node.js; then run this again"
        self.shown_without(line, "--contracts", contracts, path=str(empty))

    def test_it_says_where_to_run_it_and_passes(self):
        self.shown_without("it takes the repository's folder contracts/: run this in the repository, or name the folder by --contracts")

    def test_an_anvil_that_does_not_work_is_said(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        contracts = pathlib.Path(folder.name) / "contracts"
        shutil.copytree(TOP / "contracts/artifacts", contracts / "artifacts")
        programs = pathlib.Path(folder.name) / "programs"
        programs.mkdir()
        anvil = programs / "anvil"
        anvil.write_text('#!/bin/sh\n[ "$1" = --version ] || { echo "error: unexpected argument" >&2; exit 2; }\n')
        anvil.chmod(0o755)
        line = "there is anvil, but anvil ended at its start: error: unexpected argument"
        self.shown_without(line, "--contracts", contracts, path=f"{programs}:/usr/bin:/bin")


if __name__ == "__main__":
    main()
