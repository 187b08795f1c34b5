"""Holds the rules of the house: house.py ROOT [RULE...]. Prints what breaks them and exits 1, or exits 0.

Each rule is a generator of findings over the tree, and each finding says what to do.
"""

import sys
from pathlib import Path

import include_rules
import name_rules
import size_rules
from tree import read_tree

RULES = {
    "directions": include_rules.directions,
    "dpdk": include_rules.dpdk,
    "file_sizes": size_rules.file_sizes,
    "function_sizes": size_rules.function_sizes,
    "names": name_rules.gathering_places,
    "headers": name_rules.headers,
}


def main(arguments):
    if not arguments or not Path(arguments[0], "base").is_dir() or not set(arguments[1:]) <= set(RULES):
        print(f"usage: house.py ROOT [{'|'.join(RULES)}]...", file=sys.stderr)
        return 2
    tree = read_tree(arguments[0])
    findings = [finding for rule in arguments[1:] or RULES for finding in RULES[rule](tree)]
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
