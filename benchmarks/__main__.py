"""`python -m benchmarks NAME [--json] [--quick]`; without a name, the names."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path

from benchmarks.harness.result import Plan, Result

# Files here that measure nothing.
OTHERS = {"__init__", "__main__", "settings"}
NAMES = sorted({path.stem for path in Path(__file__).parent.glob("*.py")} - OTHERS)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", choices=NAMES)
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--quick", action="store_true", help="less of everything: done within 60 seconds")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="a factor on the rows, to try the benchmark itself"
    )
    options = parser.parse_args(arguments)
    if options.name is None:
        for name in NAMES:
            print(f"{name:12} {(import_module(f'benchmarks.{name}').__doc__ or '').splitlines()[0]}")
        return 0
    result: Result = import_module(f"benchmarks.{options.name}").run(Plan(options.quick, options.scale))
    print(json.dumps(result.as_json(), indent=2) if options.json else result.as_text())
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
