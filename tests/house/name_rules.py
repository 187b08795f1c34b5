"""Names that say nothing, and how a header begins."""

import re
from pathlib import PurePosixPath

from tree import Finding

GATHERING = {"util", "utils", "utility", "utilities", "common", "manager", "helper", "helpers", "misc", "engine"}
TYPE = re.compile(r"^\s*(?:template\s*<[^;{]*>\s*)?(?:class|struct|union|enum(?:\s+class)?)\s+(?:alignas\([^)]*\)\s*)?(\w+)",
                  re.MULTILINE)


def words_of(name):
    """The words of snake_case and CamelCase names, small."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}


def gathering_places(tree):
    """No file, folder or type is named after a place where things gather."""
    advice = "says where things gather, not what they are: name it after the one thing it owns"
    for source in tree:
        for part in PurePosixPath(source.path).parts:
            for word in sorted(words_of(part) & GATHERING):
                yield Finding(source.path, 1, f'"{word}" in the path {advice}')
        if not source.is_cpp:
            continue
        for match in TYPE.finditer(source.text):
            for word in sorted(words_of(match[1]) & GATHERING):
                line = source.text.count("\n", 0, match.start(1)) + 1
                yield Finding(source.path, line, f'"{word}" in the type {match[1]} {advice}')


def headers(tree):
    """A header opens by saying what it is for, and is read once."""
    for source in tree:
        if not source.is_header:
            continue
        if not source.text.startswith("//"):
            yield Finding(source.path, 1, "a header opens with a comment of two to six sentences: what it owns, promises, refuses")
        if not re.search(r"^#pragma once$", source.text, re.MULTILINE):
            yield Finding(source.path, 1, "has no `#pragma once`: write it below the opening comment")
