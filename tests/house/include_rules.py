"""Which folder may include which: the directions that keep each process readable without the others."""

import re

from tree import FOLDERS, Finding, includes

# What mgmt may know of the processes it compiles plans for: the plan's schema, nothing of their code, and what HTTP is.
PLAN_SCHEMAS = {f"{folder}/{name}" for folder in ("dataplane", "l7") for name in ("plan_generated.h", "plan_schema.h")}

# Folders within a folder that others may include because they include nothing but base/ themselves.
LEAVES = {"l7/http": {"mgmt"}, "l7/tcp": set(), "l7/policy/named_files": {"mgmt"}}

# Such a leaf need not be a folder: what `cardea check` reads files by that policies name. HTTP's leaf may be beneath it.
NAMED_FILES = {f"l7/policy/{name}" for name in ("address_number", "base64url", "geo", "geo_record", "geo_tree", "key_list", "lines", "named_files", "network_set", "random_key", "range_map", "read_file",
                                                "strict_json", "token_algorithm", "token_key", "users")}
BENEATH = {"l7/policy/named_files": {"l7/http"}}

ALLOWED = {
    "base": {"base"},
    "conf": {"base", "conf"},
    "dataplane": {"base", "dataplane"},
    "l7": {"base", "l7"},
    "mgmt": {"base", "conf", "mgmt"},
}
FREE = {"tests", "tools"}  # they may ask the real code of every process


def leaf_of(path):
    """The leaf that this file is in, or None."""
    if path.rsplit(".", 1)[0] in NAMED_FILES:
        return "l7/policy/named_files"
    return next((leaf for leaf in LEAVES if path.startswith(leaf + "/")), None)


def directions(tree):
    """Includes between folders run in the directions of the design, and each names its file from the top."""
    for source in tree:
        if not source.is_cpp:
            continue
        for include in includes(source):
            target = include.name.split("/")[0]
            if "/" not in include.name or target not in FOLDERS:
                if include.quoted:
                    yield Finding(source.path, include.line,
                                  f'"{include.name}" is not a path from the top of the tree: write "folder/file.h" for '
                                  f"a header of ours and <file.h> for a library's")
                continue
            leaf = leaf_of(source.path)
            if leaf and target != "base" and leaf_of(include.name) not in {leaf} | BENEATH.get(leaf, set()):
                yield Finding(source.path, include.line,
                              f"{leaf} is a leaf and must not include {include.name}: other processes "
                              f"read it, so it may include base/ and itself only")
                continue
            if source.folder in FREE or target in ALLOWED.get(source.folder, ()):
                continue
            if source.folder == "mgmt" and include.name in PLAN_SCHEMAS:
                continue
            if source.folder in LEAVES.get(leaf_of(include.name), ()):
                continue
            yield Finding(source.path, include.line,
                          f"{source.folder}/ must not include {include.name}: it may include "
                          f"{', '.join(sorted(ALLOWED.get(source.folder, ())))} only. Move what is shared to base/, or "
                          f"pass it through the plan, the stats segment or the plan socket")


def dpdk(tree):
    """DPDK stays where it does the room's work: in dataplane/ but not in dataplane/wire/, and in one file of l7/runtime."""
    runtime_file = None
    for source in tree:
        if not source.is_cpp or source.folder in FREE:
            continue
        for include in includes(source):
            if not re.match(r"(.*/)?rte_\w+\.h$", include.name):
                continue
            if source.path.startswith("dataplane/") and not source.path.startswith("dataplane/wire/"):
                continue
            if source.path.startswith("l7/runtime/") and runtime_file in (None, source.path):
                runtime_file = source.path
                continue
            if runtime_file and source.path.startswith("l7/runtime/"):
                yield Finding(source.path, include.line,
                              f"{include.name} is DPDK's, and {runtime_file} is already the one file of l7/runtime that "
                              f"may see DPDK: go through it")
            else:
                yield Finding(source.path, include.line,
                              f"{include.name} is DPDK's: only dataplane/ outside wire/ may include it. Take bytes or "
                              f"plain values as arguments instead")
