"""The number of a plan's schema follows the schema's text: nobody has to remember it, and nobody can forget it."""

import pathlib
import re
import subprocess

import pytest

TREE = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = TREE / "tools/cmake/plan_schema_number.cmake"


def number_of(text, folder, scratch):
    (scratch / "plan.fbs").write_text(text)
    header = scratch / "number.h"
    subprocess.run(["cmake", f"-DSCHEMA={scratch / 'plan.fbs'}", f"-DFOLDER={folder}", "-DVERSION=1.2.3", f"-DOUT={header}",
                    "-P", SCRIPT], check=True)
    made = header.read_text()
    assert f"namespace cardea::{folder} {{" in made and 'kPlanVersion = "1.2.3"' in made
    return int(re.search(r"kPlanSchema = (0x[0-9a-f]{8});", made)[1], 16)


@pytest.mark.parametrize("folder", ["dataplane", "l7"])
def test_the_number_follows_what_is_declared(folder, tmp_path):
    text = (TREE / folder / "plan.fbs").read_text()
    now = number_of(text, folder, tmp_path)
    last = text.rindex("}")
    changes = {"a field more": text[:last] + "  added:bool;\n" + text[last:],
               "a field less": re.sub(r"\n  generation:ulong;", "", text, count=1),
               "another default": text.replace(" = 0", " = 7", 1),
               "another order": re.sub(r"(  made_by:string;[^\n]*\n)(  generation:ulong;[^\n]*\n)", r"\2\1", text, count=1),
               "another type": text.replace(":ulong", ":uint", 1)}
    assert all(changed != text for changed in changes.values())
    numbers = {what: number_of(changed, folder, tmp_path) for what, changed in changes.items()}
    assert now not in numbers.values() and len(set(numbers.values())) == len(numbers), numbers


@pytest.mark.parametrize("folder", ["dataplane", "l7"])
def test_comments_and_blanks_count_for_nothing(folder, tmp_path):
    text = (TREE / folder / "plan.fbs").read_text()
    now = number_of(text, folder, tmp_path)
    assert number_of("// a word; [more] of it\n" + text.replace("\n  ", "\n\t  ") + "\n\n", folder, tmp_path) == now
    assert number_of(re.sub(r" *//[^\n]*", "", text), folder, tmp_path) == now
    assert number_of(text.replace("\n", "  // so it is\n"), folder, tmp_path) == now


@pytest.mark.parametrize("folder", ["dataplane", "l7"])
def test_number_and_version_are_first_in_whatever_is_handed_over(folder):
    text = re.sub(r"//[^\n]*", "", (TREE / folder / "plan.fbs").read_text())
    for table in ("Plan", "PoolUpdate"):
        fields = re.search(r"table %s \{(.*?)\}" % table, text, re.S)[1].split(";")
        assert [field.strip() for field in fields[:2]] == ["schema:uint", "made_by:string"], "base/plan_head.h reads them"
