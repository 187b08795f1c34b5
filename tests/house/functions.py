"""Finds the functions of a C++ file and their lengths by counting braces.

Not a parser: it blanks comments, literals and directives, then sorts every block that opens outside a function into
scope (namespace, class), data (an initialiser) or function. Whatever it cannot place counts as a function, so that
an odd construct is rather measured once too often than never.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Function:
    name: str
    line: int
    lines: int


TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/'
    r'|R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)"'
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|(?<![0-9a-fA-F])'(?:[^'\\\n]|\\.)+'"
    r'|^[ \t]*#(?:[^\n\\]|\\.|\\\n)*',
    re.DOTALL | re.MULTILINE)


def blank(text):
    """The same text, line for line, without comments, literals and directives."""
    return TOKEN.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def without_nested(head, opening, closing):
    """The head without what stands between these brackets, which may nest."""
    depth, kept = 0, []
    for c in head:
        depth += c == opening
        if depth == 0:
            kept.append(c)
        depth -= c == closing and depth > 0
    return "".join(kept)


def without_template(head):
    """The head behind its template<...> lists."""
    while match := re.match(r"\s*template\s*<", head):
        depth, at = 1, match.end()
        while depth and at < len(head):
            depth += {"<": 1, ">": -1}.get(head[at], 0)
            at += 1
        head = head[at:]
    return head


def kind_of(head):
    head = without_template(head)
    head = re.sub(r"\boperator\s*(\(\s*\)|\[\s*\]|[^\s\w(]+)", "operator_x", head)
    plain = without_nested(head, "(", ")")
    if re.search(r"\bextern\s*$", plain) or re.match(r"\s*(inline\s+)?namespace\b", plain):
        return "scope"
    if re.match(r"\s*(typedef\s+)?(enum|class|struct|union)\b", plain) and "=" not in plain and \
            not re.search(r"\w\s*\([^)]*\)\s*(const|noexcept|override|final|->.*)?\s*$", re.sub(r"alignas\s*\([^)]*\)", "", head)):
        return "scope"
    if "=" in plain:
        return "data"
    if "(" not in head and head.strip() and not head.lstrip().startswith((",", ":")):
        return "data"
    return "function"


def name_of(head):
    match = re.search(r"([~\w:]*operator\s*[^\s\w(]+|[~\w:]+)\s*\(", without_template(head))
    return match[1] if match else "(a block without a name)"


def functions_of(text):
    code = blank(text)
    found, scopes = [], 0
    start = at = 0
    while at < len(code):
        c = code[at]
        if c == "{":
            head = code[start:at]
            kind = kind_of(head)
            if kind == "scope":
                scopes += 1
                start = at + 1
            else:
                end = closing_brace(code, at)
                if kind == "function":
                    begin = start + len(head) - len(head.lstrip())
                    first = code.count("\n", 0, begin) + 1
                    found.append(Function(name_of(head), first, code.count("\n", 0, end) + 2 - first))
                at = start = end
                if kind == "function":
                    start = end + 1
        elif c == ";" and code.count("(", start, at) == code.count(")", start, at):
            start = at + 1
        elif c == "}":
            scopes -= 1
            start = at + 1
        elif c == ":" and re.match(r"\s*(public|private|protected)\s*$", code[start:at]):
            start = at + 1
        at += 1
    return found


def closing_brace(code, at):
    depth = 0
    for position in range(at, len(code)):
        depth += {"{": 1, "}": -1}.get(code[position], 0)
        if depth == 0:
            return position
    return len(code) - 1
