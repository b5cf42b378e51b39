"""Where things are."""

import os
import pathlib

TOP = pathlib.Path(__file__).resolve().parents[3]
BINARY = os.environ.get("ENRICH_BINARY", TOP / "target/debug/enrich-jobs")
CLIENTS = TOP / "tests/clients"
PYTHON = TOP / "target/x402-python/bin/python"
NODE_PATHS = [TOP / "contracts/node_modules/.package-lock.json", TOP / "contracts/artifacts/Permit2.json", CLIENTS / "node_modules/.package-lock.json"]
# Settings of whoever runs the tests are none of theirs.
PREFIXES = ("ENRICH_", "VENDOR_", "RATE_", "JOB_", "PRICE_", "X402_", "UPTO_", "SETTLE_", "CONFIRMATIONS", "CHAIN_")
KEPT = {name: value for name, value in os.environ.items() if not name.startswith(PREFIXES)}
