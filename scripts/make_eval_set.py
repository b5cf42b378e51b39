#!/usr/bin/env python3
"""Writes samples/eval: an invented web with businesses and leads, the same bytes every time. Its format is in samples/eval/README.md.

    scripts/make_eval_set.py            writes it
    scripts/make_eval_set.py --check    says whether it is as written here; exit code 1 if not
"""

import argparse
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from eval_set.whole import make

TARGET = pathlib.Path(__file__).resolve().parents[1] / "samples" / "eval"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true", help="write nothing, compare")
    arguments.add_argument("--out", type=pathlib.Path, default=TARGET, help="the folder")
    options = arguments.parse_args()
    different = []
    for name, text in make().items():
        path, data = options.out / name, text.encode()
        if options.check:
            different += [name] if not path.exists() or path.read_bytes() != data else []
        else:
            options.out.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            print(f"{len(data):>9,} bytes  {name}")
    if different:
        sys.exit(f"not as generated: {', '.join(different)}")


if __name__ == "__main__":
    main()
