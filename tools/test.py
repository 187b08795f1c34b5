"""The stages behind tools/test: build in each mode that finds something of its own, run its tests, add up.

Stages run one after another; a stage that fails does not stop the next, so one run tells everything. What later stages
need is built beside the system tests, by what they leave of the processors: they wait more than they compute. Skipped tests fail the run unless tests/allowed_skips.txt names them. Whole output:
build/test-logs.
"""
import argparse
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from dataclasses import dataclass, field, replace

TREE = pathlib.Path(__file__).resolve().parents[1]
LOGS = TREE / "build/test-logs"
CORES = str(os.cpu_count())
TAIL_LINES = 40
WHY_MAX = 400  # characters


@dataclass(frozen=True)
class Stage:
    name: str
    why: str
    preset: str
    labels: str
    targets: tuple = ()      # what to build of the preset; all of it when empty
    parallel: bool = True
    quick: bool = False      # part of --quick
    whole: str = ""          # what to run instead of `labels` when the stage is named by --only


STAGES = [
    Stage("house", "rules of the tree: include directions, sizes", "release", "house", quick=True),
    Stage("unit", "units and packet rows, as users get them", "release", "unit|packets", quick=True),
    Stage("system", "real processes between real peers, in network namespaces", "release", "system", parallel=False),
    Stage("machine", "the packages on a booted guest with cards on PCI; a short form of it, the whole when it is named", "release",
          "machine_short", parallel=False, whole="machine"),
    # The fuzz preset is the asan preset with the fuzz targets: one build serves both stages.
    Stage("asan", "units under address and undefined behaviour sanitizers", "fuzz", "unit|packets"),
    Stage("fuzz", "every parser fed for 10 seconds with what it did not expect", "fuzz", "fuzz"),
    Stage("tsan", "what threads share, under the thread sanitizer", "tsan", "unit", targets=("unit_base", "unit_l7")),
]
WITH_NAMESPACES = ("system", "machine")  # they need root, and are pytest's


@dataclass
class Tally:
    passed: int = 0
    failed: list = field(default_factory=list)
    skipped: list = field(default_factory=list)
    why: dict = field(default_factory=dict)  # of what failed: what its report says first

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.why |= other.why


# A command that takes what others leave of the processors: within its session and, where the scheduler shares time between
# sessions, among those too.
STANDING_BACK = ("bash", "-c", 'echo 19 2>/dev/null > /proc/self/autogroup; exec chrt --idle 0 "$@"', "--")


def logged(name, command, behind=False):
    """Runs a command with its output in a log of its own; returns its exit code and the log. `behind` whatever else runs."""
    log = LOGS / f"{name}.log"
    with open(log, "w") as file:
        done = subprocess.run([*(STANDING_BACK if behind else ()), *command], cwd=TREE, stdin=subprocess.DEVNULL, stdout=file,
                              stderr=file, check=False, start_new_session=behind)
    return done.returncode, log


def tail(log):
    return "\n".join("    " + row for row in log.read_text(errors="replace").splitlines()[-TAIL_LINES:])


def build(preset, targets, behind=False):
    """Returns the log of what failed, or None, and how many seconds it took."""
    began = time.monotonic()
    code, log = logged(f"configure-{preset}", ["cmake", "--preset", preset], behind)
    if code == 0:
        wanted = ["--target", *targets] if targets else []
        code, log = logged(f"build-{preset}", ["cmake", "--build", "--preset", preset, "-j", CORES, *wanted], behind)
    return log if code else None, time.monotonic() - began


class Builds:
    """Each preset once, one at a time."""

    def __init__(self):
        self._worker = concurrent.futures.ThreadPoolExecutor(max_workers=1)
        self._made = {}
        self._told = set()

    def begin(self, stage, behind=False):
        if stage.preset not in self._made:
            self._made[stage.preset] = self._worker.submit(build, stage.preset, stage.targets, behind)

    def finish(self, stage):
        """The log of what failed, or None."""
        self.begin(stage)
        log, seconds = self._made[stage.preset].result()
        if stage.preset not in self._told:
            print(f"  build {stage.preset}: {'FAILED' if log else 'ok'} ({seconds:.0f} s)", flush=True)
        self._told.add(stage.preset)
        return log


def of_what_is_built(stage):
    """Of a preset that is built in part: the parts (tests/CMakeLists.txt) of what is there; ctest knows the others too."""
    return ["-R", f"^({'|'.join(stage.targets)})_part_"] if stage.targets else []


def run_stage(stage, builds):
    print(f"\n{stage.name}: {stage.why}", flush=True)
    broken = builds.finish(stage)
    if broken:
        print(tail(broken))
        return Tally(failed=[f"{stage.name}: the build, see {broken.relative_to(TREE)}"])
    began, folder, report = time.monotonic(), TREE / "build" / stage.preset, LOGS / f"{stage.name}.xml"
    report.unlink(missing_ok=True)
    code, log = logged(stage.name, [
        "ctest", "--test-dir", str(folder), "-L", f"^({stage.labels})$", *of_what_is_built(stage), "--output-on-failure",
        "--no-tests=error", "--output-junit", str(report), "-j", CORES if stage.parallel else "1"])
    tally = count(stage, code, report, folder)
    print(f"  {tally.passed} passed, {len(tally.failed)} failed, {len(tally.skipped)} skipped ({time.monotonic() - began:.0f} s)")
    if tally.failed:
        print(tail(log))
    return tally


def count(stage, code, report, folder):
    """Adds up ctest's report; where an entry is many tests, their own report, which knows each."""
    if not report.exists():
        return Tally(failed=[f"{stage.name}: ctest itself (exit code {code})"])
    total = Tally()
    for case in xml.parse(report).getroot().iter("testcase"):
        inner = folder / "test-results" / f"{case.get('name')}.xml"
        if inner.exists() and inner.stat().st_mtime >= LOGS_BEGAN:
            total.add(count_inner(inner, case, ".py::" if stage.name in WITH_NAMESPACES else "."))
        else:
            total.add(outcome(f"{case.get('name')}", case))
    if code and not total.failed:
        total.failed.append(f"{stage.name}: ctest ended with {code}")
    return total


def outcome(name, case):
    if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        return Tally(skipped=[name])
    said = [part.get("message", "") for kind in ("failure", "error") for part in case.findall(kind)]
    if not said and case.get("status") != "fail":
        return Tally(passed=1)
    return Tally(failed=[name], why={name: " ".join(" ".join(said).split())[:WHY_MAX]})


def count_inner(report, entry, between):
    """Of one entry of ctest: what pytest or GoogleTest says of each test in it; `between` their file or suite and their name."""
    total = Tally()
    for case in xml.parse(report).getroot().iter("testcase"):
        total.add(outcome(f"{case.get('classname')}{between}{case.get('name')}", case))
    if entry.get("status") == "fail" and not total.failed:  # it timed out, it leaks, or nothing was collected
        total.failed.append(entry.get("name"))
    return total


def allowed_skips():
    rows = (row.split("#")[0].strip() for row in (TREE / "tests/allowed_skips.txt").read_text().splitlines())
    return {row for row in rows if row}


def chosen(arguments):
    parser = argparse.ArgumentParser(prog="tools/test", description="Builds the tree and runs its tests.")
    parser.add_argument("--quick", action="store_true", help="house and unit tests of the release build only")
    parser.add_argument("--only", choices=[stage.name for stage in STAGES], action="append", help="this stage; may be repeated")
    options = parser.parse_args(arguments)
    if options.only:
        return [replace(stage, labels=stage.whole or stage.labels) for stage in STAGES if stage.name in options.only]
    return [stage for stage in STAGES if stage.quick or not options.quick]


def reserve_hugepages(pages=1024, setting=pathlib.Path("/proc/sys/vm/nr_hugepages")):
    """The appliance as its users run it: with hugepages (2 MB each) for the dataplane's buffers."""
    if os.geteuid() == 0 and int(setting.read_text()) < pages:
        setting.write_text(str(pages))


def main(arguments):
    stages = chosen(arguments)
    if any(stage.name in WITH_NAMESPACES for stage in stages) and os.geteuid() != 0:
        sys.exit("tools/test: the system and machine tests make network namespaces and need root (or choose others by --only, --quick)")
    LOGS.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(LOGS / "system", ignore_errors=True)  # what the lab's processes wrote, a folder a site
    reserve_hugepages()
    total, builds = Tally(), Builds()
    for i, stage in enumerate(stages):
        if stage.name == "system":
            builds.finish(stage)  # its own goes first
            for later in stages[i:]:
                builds.begin(later, behind=True)
        total.add(run_stage(stage, builds))
    forbidden = [name for name in total.skipped if name not in allowed_skips()]
    total.failed += [f"{name} (skipped, and not named in tests/allowed_skips.txt)" for name in forbidden]
    print(f"\nin {(time.time() - LOGS_BEGAN) / 60:.1f} minutes; logs in {LOGS.relative_to(TREE)}")
    for name in total.failed:
        print(f"FAILED {name}")
        if total.why.get(name):
            print(f"    {total.why[name]}")
    print(f"{total.passed} passed, {len(total.failed)} failed")
    sys.exit(1 if total.failed else 0)


LOGS_BEGAN = time.time()
if __name__ == "__main__":
    main(sys.argv[1:])
