"""The rules themselves are tested: each has to find what is wrong in a small bad tree and nothing in a good one."""

import subprocess
import sys
from pathlib import Path

import pytest

from functions import functions_of
from house import RULES
from tree import Source

HEADER = "// A header of a test.\n#pragma once\n"


def findings(rule, files):
    return [str(finding) for finding in RULES[rule]([Source(path, text) for path, text in files.items()])]


def body(lines):
    return "void long_one() {\n" + "  step();\n" * (lines - 2) + "}\n"


# rule, path, text, part of the message
BAD = [
    ("directions", "base/x.cc", '#include "conf/config.h"\n', "base/ must not include conf/config.h"),
    ("directions", "conf/x.cc", '#include "dataplane/plan_generated.h"\n', "conf/ must not include"),
    ("directions", "conf/x.cc", '#include "mgmt/store.h"\n', "conf/ must not include"),
    ("directions", "dataplane/path/x.cc", '#include "conf/config.h"\n', "dataplane/ must not include"),
    ("directions", "dataplane/path/x.cc", '#include "l7/plan_generated.h"\n', "dataplane/ must not include"),
    ("directions", "l7/proxy/x.h", '#include "dataplane/wire/tcp.h"\n', "l7/ must not include"),
    ("directions", "l7/proxy/x.h", '#include "mgmt/store.h"\n', "l7/ must not include"),
    ("directions", "l7/http/x.h", '#include "mgmt/store.h"\n', "l7/http is a leaf"),
    ("directions", "l7/http/x.h", '#include "l7/route/table.h"\n', "l7/http is a leaf"),
    ("directions", "l7/http/x.h", '#include "l7/policy/users.h"\n', "l7/http is a leaf"),
    ("directions", "l7/policy/users.cc", '#include "l7/policy/jwt.h"\n', "l7/policy/named_files is a leaf"),
    ("directions", "conf/x.cc", '#include "l7/http/body.h"\n', "conf/ must not include"),
    ("directions", "mgmt/x.cc", '#include "l7/policy/file_book.h"\n', "mgmt/ must not include"),
    ("directions", "mgmt/x.cc", '#include "dataplane/state/flow_table.h"\n', "mgmt/ must not include"),
    ("directions", "mgmt/x.cc", "#include <dataplane/state/flow_table.h>\n", "mgmt/ must not include"),
    ("directions", "mgmt/x.cc", '  #  include "l7/main.h"\n', "mgmt/ must not include"),
    ("directions", "base/x.cc", '\n\n#include "tests/x.h"\n', "base/x.cc:3:"),
    ("directions", "base/x.cc", '#include "error.h"\n', "not a path from the top"),
    ("dpdk", "dataplane/wire/tcp.h", "#include <rte_tcp.h>\n", "only dataplane/ outside wire/"),
    ("dpdk", "base/x.h", '#include "rte_mbuf.h"\n', "only dataplane/ outside wire/"),
    ("dpdk", "mgmt/x.cc", "#include <dpdk/rte_mbuf.h>\n", "only dataplane/ outside wire/"),
    ("dpdk", "l7/http/h1.cc", "#include <rte_mbuf.h>\n", "only dataplane/ outside wire/"),
    ("file_sizes", "base/x.cc", "int x;\n" * 501, "501 lines, at most 500"),
    ("file_sizes", "tests/house/size_exceptions.txt", "base/x.cc: because\n", "needs its reason"),
    ("file_sizes", "tests/house/size_exceptions.txt", "base/x.cc: it is one single table\n", "needs no exception any more"),
    ("function_sizes", "base/x.cc", body(71), "long_one has 71 lines, at most 70"),
    ("function_sizes", "base/x.h", "namespace a {\nclass B {\n public:\n" + body(90) + "};\n}\n", "base/x.h:4: long_one has 90"),
    ("function_sizes", "tests/house/size_exceptions.txt", "base/x.cc f: it is one single table\n", "needs no exception"),
    ("names", "base/string_util.h", HEADER, '"util" in the path'),
    ("names", "mgmt/helpers/x.cc", "", '"helpers" in the path'),
    ("names", "mgmt/x.cc", "\nclass PoolManager final {};\n", 'mgmt/x.cc:2: "manager" in the type PoolManager'),
    ("names", "l7/x.h", "template <typename T>\nstruct HTTPEngine {\n};\n", '"engine" in the type'),
    ("headers", "base/x.h", "#pragma once\n", "opens with a comment"),
    ("headers", "base/x.h", "// A header.\n#ifndef X\n", "has no `#pragma once`"),
]

# rule, path, text
GOOD = [
    ("directions", "base/x.cc", '#include <vector>\n#include <sys/socket.h>\n#include "base/error.h"\n'),
    ("directions", "conf/x.cc", '#include <libconfig.h++>\n#include "base/ip.h"\n#include "conf/config.h"\n'),
    ("directions", "mgmt/x.cc", '#include "conf/config.h"\n#include "dataplane/plan_generated.h"\n#include "l7/plan_schema.h"\n'),
    ("directions", "mgmt/health/x.cc", '#include "l7/http/body.h"\n'),
    ("directions", "mgmt/x.cc", '#include "l7/policy/named_files.h"\n'),
    ("directions", "l7/policy/users.cc", '#include "l7/http/fields.h"\n#include "l7/policy/lines.h"\n'),
    ("directions", "l7/http/x.cc", '#include "base/error.h"\n#include "l7/http/body.h"\n'),
    ("directions", "tools/bench/x.cc", '#include "dataplane/state/flow_table.h"\n#include "mgmt/compile_l4.h"\n'),
    ("directions", "tests/unit/x.cc", '#include "tests/packets/row.h"\n#include "l7/tls/key.h"\n'),
    ("dpdk", "dataplane/path/rx.cc", "#include <rte_mbuf.h>\n"),
    ("dpdk", "l7/runtime/memif.cc", "#include <rte_mbuf.h>\n#include <rte_ethdev.h>\n"),
    ("dpdk", "base/x.cc", "#include <orte_x.h>\n// #include <rte_mbuf.h>\n"),
    ("file_sizes", "base/x.cc", "int x;\n" * 500),
    ("file_sizes", "tests/unit/base/x_test.cc", "int x;\n" * 2000),
    ("function_sizes", "base/x.cc", body(70) + body(70)),
    ("function_sizes", "base/x.cc", "constexpr int kTable[] = {\n" + "  1,\n" * 200 + "};\n"),
    ("function_sizes", "base/x.cc", "struct Many {\n" + "  int f() { return 1; }\n" * 200 + "};\n"),
    ("names", "base/utilisation.h", HEADER + "class Commonality {};\nclass Enginery {};\n"),
    ("headers", "base/x.h", HEADER),
]


@pytest.mark.parametrize("rule,path,text,message", BAD)
def test_what_is_wrong_is_found(rule, path, text, message):
    found = findings(rule, {path: text})
    assert len(found) == 1, found
    assert message in found[0]
    assert found[0].startswith(path + ":")


@pytest.mark.parametrize("rule,path,text", GOOD)
def test_what_is_right_is_left_alone(rule, path, text):
    assert findings(rule, {path: text}) == []


def test_every_rule_is_proven_both_ways():
    assert {row[0] for row in BAD} == {row[0] for row in GOOD} == set(RULES)


def test_only_one_file_of_the_runtime_may_see_dpdk():
    found = findings("dpdk", {"l7/runtime/a.cc": "#include <rte_mbuf.h>\n", "l7/runtime/b.cc": "#include <rte_mbuf.h>\n"})
    assert len(found) == 1 and "l7/runtime/a.cc is already the one file" in found[0]


def test_an_exception_with_a_reason_holds():
    reason = "tests/house/size_exceptions.txt"
    assert findings("file_sizes", {"base/x.cc": "\n" * 600, reason: "base/x.cc: one generated table of errors\n"}) == []
    assert findings("function_sizes", {"base/x.cc": body(99), reason: "base/x.cc long_one: one straight line of steps\n"}) == []


# What the brace counter has to tell apart: text, and the names and lengths it finds.
SHAPES = [
    ("int f() {\n  return 1;\n}\n", [("f", 3)]),
    ("int f();\nint g() { return 1; }\n", [("g", 1)]),
    ("namespace a::b {\ninline namespace c {\nvoid f() {\n}\n}\n}  // namespace a::b\n", [("f", 2)]),
    ("class A final : public B {\n public:\n  A() : x_{1}, y_(2) {\n  }\n  int x() const { return x_; }\n};\n", None),
    ("template <typename T = std::vector<int>>\n  requires std::is_same_v<T, int>\nT f(T a = {}) {\n}\n", None),
    ("bool operator==(const A& a, const A& b) {\n  return true;\n}\n", [("operator==", 3)]),
    ("struct A {\n  void operator()() {\n  }\n};\n", None),
    ("const auto kTable = std::map<int, int>{{1, 2}, {3, 4}};\nconstexpr std::array<int, 2> kTwo{1, 2};\n", []),
    ('const char* s = "{";\nchar c = \'{\';  // {\n/* { */ void f() {\n}\n', [("f", 2)]),
    ('auto raw = R"x({ " ) { )x";\nvoid f() {\n}\n', [("f", 2)]),
    ("#define OPEN {\nvoid f() {\n}\n", [("f", 2)]),
    ("int n = 1'000'000;\nvoid f() {\n}\n", [("f", 2)]),
    ("auto f() -> int {\n  auto g = [&] {\n  };\n  return 1;\n}\n", [("f", 5)]),
    ('extern "C" {\nvoid f() {\n}\n}\n', [("f", 2)]),
    ("enum class E : int { kA, kB };\nvoid f(E e = E{}) {\n}\n", None),
    ("struct A f() {\n  return {};\n}\n", [("f", 3)]),
    ("TEST(A, B) {\n  x();\n}\n", [("TEST", 3)]),
]


@pytest.mark.parametrize("text,expected", SHAPES)
def test_functions_are_found(text, expected):
    found = [(function.name, function.lines) for function in functions_of(text)]
    if expected is not None:
        assert found == expected
    assert all(lines <= 4 for _, lines in found if expected is None), found


def test_the_command_says_what_it_found_and_fails(tmp_path):
    house = Path(__file__).with_name("house.py")
    (tmp_path / "base").mkdir()
    bad = tmp_path / "base" / "common.h"
    bad.write_text('#include "mgmt/store.h"\n#include <rte_mbuf.h>\n' + body(80) + "int x;\n" * 500)
    run = subprocess.run([sys.executable, house, tmp_path], capture_output=True, text=True)
    assert run.returncode == 1
    assert len(run.stdout.splitlines()) == 7, run.stdout
    bad.rename(tmp_path / "base" / "frame.h").write_text(HEADER)
    assert subprocess.run([sys.executable, house, tmp_path]).returncode == 0
    assert subprocess.run([sys.executable, house, tmp_path, "no_such_rule"], stderr=subprocess.DEVNULL).returncode == 2
