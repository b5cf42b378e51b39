#!/usr/bin/env python3
"""How fast payments are asked for, and settled, on this machine.

    cargo build --release && scripts/bench_payments.py [challenges] [settles] [--rounds N]

`challenges`: 402 answers a second of this server, of the official Express middleware, and of a null server, by the same load
generator (`enrich-jobs bench load`), in turns; medians of the rounds, and the ratios. `settles`: settlements a second through 1, 2
and 4 lanes on a local chain, each in a batch and each directly, and how long it takes from a job's completion to the block.

Needs what scripts/test installs. All traffic is on loopback.
"""

import argparse
import datetime
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

TOP = pathlib.Path(__file__).resolve().parent.parent
os.environ.setdefault("ENRICH_BINARY", str(TOP / "target/release/enrich-jobs"))
sys.path.insert(0, str(TOP / "tests/e2e"))

from support.chain import Chain, Lines  # noqa: E402
from support.paths import BINARY, CLIENTS, KEPT  # noqa: E402
from support.shop import JOBS, Job, Shop, Sites, networks, order  # noqa: E402

SECONDS = 3
CONNECTIONS = 32
JOBS_A_RUN = 200
DELAY_MS = 20_000


def load(url, body, status):
    """Requests a second."""
    done = subprocess.run(
        [BINARY, "bench", "load", url, "--body", body, "--status", str(status), "--for-seconds", str(SECONDS), "--connections", str(CONNECTIONS)],
        env=KEPT, capture_output=True, text=True, timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return float(re.search(r"([0-9.]+) a second", done.stdout).group(1))


def challenges(rounds):
    body = '{"route":"enrich/websearch","payload":{"business_name":"Acme Corp","city":"Tampa","state":"FL","street":"120 Main St","zip":"33602","phone":"813-555-0142"},"bill_up_to_usd":0.5,"metadata":{"reference":"1"}}'
    chain, sites = Chain(4), Sites()
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(pathlib.Path(folder), chain, sites, "direct", RATE_SUBMIT_PER_S=0)
        shop.demand()
        key = chain.place["operators"][0]["key"]
        facilitator = Lines("node", CLIENTS / "facilitator.mjs", chain.place["rpc_url"], env=os.environ | {"FACILITATOR_KEY": key})
        express = Lines("node", CLIENTS / "express.mjs", facilitator.read()["url"], chain.place["token"], chain.place["pay_to"])
        null = subprocess.Popen([BINARY, "bench", "null-server"], env=KEPT, stdout=subprocess.PIPE, text=True)
        try:
            express_url = express.read()["url"]
            null_url = re.search(r"http://[0-9.:]+", null.stdout.readline()).group(0).rstrip(".:")
            rates = {"ours": [], "express": [], "null": []}
            for number in range(rounds + 1):
                for name, url, status in (("ours", shop.public + JOBS, 402), ("express", express_url + JOBS, 402), ("null", null_url + "/null/jobs", 202)):
                    rate = load(url, body, status)
                    if number:  # The first round warms up.
                        rates[name].append(rate)
            medians = {name: statistics.median(values) for name, values in rates.items()}
            for name, values in rates.items():
                print(f"{name:8} {medians[name]:9.0f} a second (of {', '.join(f'{value:.0f}' for value in values)})")
            print(f"402 challenges / @x402/express: {medians['ours'] / medians['express']:.1f} (gate 6, aim 10); / null POST: {medians['ours'] / medians['null']:.2f}")
        finally:
            null.kill()
            null.wait()
            express.close()
            facilitator.close()
            shop.close()
            sites.close()
            chain.close()


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def deployed(chain, folder):
    """A settler of just these operators: they are part of its code."""
    settings = KEPT | networks(chain, "direct")
    network = f"eip155:{chain.place['chain_id']}"
    done = subprocess.run([BINARY, "settler", "deploy", "--network", network], cwd=folder, env=settings, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return re.search(r"SETTLER_ADDRESS=(0x[0-9a-fA-F]{40})", done.stdout).group(1)


def settles(way, lanes, interval):
    """Settlements a second, and the seconds from completion to the block."""
    chain, sites = Chain(JOBS_A_RUN // 10), Sites()
    with tempfile.TemporaryDirectory() as folder:
        chain.place["operators"] = chain.place["operators"][:lanes]
        assert len(chain.place["operators"]) == lanes, "the chain has too few operators"
        if way == "batch":
            chain.place["settler"] = deployed(chain, folder)
        shop = Shop(
            pathlib.Path(folder), chain, sites, way, VENDOR_NOOP="true", VENDOR_NOOP_COST_USD="0.01", VENDOR_NOOP_DELAY_MS=DELAY_MS,
            ENRICH_JOB_SLOTS=JOBS_A_RUN, RATE_SUBMIT_PER_S=0, UPTO_UNPROVEN_TOTAL_USD=10_000, UPTO_UNPROVEN_EXPOSURE_USD=100,
        )
        try:
            wanted = order(0.05)
            # Each asks for itself: where operators settle on their own, a 402 names one of them.
            headers = [header for payer in chain.place["payers"] for header in chain.sign(payer, shop.demand(wanted), 10)]
            with ThreadPoolExecutor(16) as pool:
                accepted = list(pool.map(lambda header: shop.post(wanted, header), headers))
            assert all(answer.status == 202 for answer in accepted), next(a for a in accepted if a.status != 202)
            if interval:
                chain.automine(False)
                chain.rpc("evm_setIntervalMining", interval)
            jobs = [Job(shop, answer) for answer in accepted]
            with ThreadPoolExecutor(8) as pool:
                ended = list(pool.map(lambda job: job.end(180).body, jobs))
            assert all(job["billing_status"] == "settled" for job in ended), ended
            done = [moment(job["started_at"]) + DELAY_MS / 1000 for job in ended]
            settled = [moment(job["payment"]["settled_at"]) for job in ended]
            waits = sorted(after - before for before, after in zip(done, settled))
            rate = len(ended) / (max(settled) - min(done))
            return rate, statistics.median(waits), waits[int(len(waits) * 0.99)]
        finally:
            shop.close()
            sites.close()
            chain.close()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("parts", nargs="*", default=["challenges", "settles"])
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--ways", nargs="*", default=["batch", "direct"])
    arguments.add_argument("--lanes", nargs="*", type=int, default=[1, 2, 4])
    arguments.add_argument("--intervals", nargs="*", type=int, default=[0, 1], help="seconds between blocks; 0 is a block for each transaction")
    given = arguments.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    if "challenges" in given.parts:
        challenges(given.rounds)
    if "settles" in given.parts:
        print("way     lanes  blocks      settles/s  completion to mined p50  p99")
        for interval in given.intervals:
            for way in given.ways:
                for lanes in given.lanes:
                    started = time.monotonic()
                    rate, middle, late = settles(way, lanes, interval)
                    blocks = "at once" if not interval else f"every {interval} s"
                    print(f"{way:7} {lanes:5}  {blocks:10} {rate:9.1f}  {middle:22.2f} s {late:4.2f} s  ({time.monotonic() - started:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
