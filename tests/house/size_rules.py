"""How long files and functions may be. Exceptions stand in size_exceptions.txt, each with its reason."""

from functions import functions_of
from tree import Finding

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
EXCEPTIONS = "tests/house/size_exceptions.txt"


def exceptions(tree):
    """Lines of `path: reason` or `path function: reason`; everything else is a comment or a finding."""
    allowed, findings = {}, []
    for source in tree:
        if source.path != EXCEPTIONS:
            continue
        for number, line in enumerate(source.text.splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            subject, _, reason = line.partition(": ")
            if len(reason.split()) < 3:
                findings.append(Finding(source.path, number, "an exception needs its reason in words: `path: reason`"))
                continue
            allowed[subject.strip()] = number
    return allowed, findings


def file_sizes(tree):
    """Files of C++ outside tests have at most 500 lines."""
    allowed, findings = exceptions(tree)
    yield from findings
    sizes = {s.path: s.text.count("\n") for s in tree if s.is_cpp and s.folder != "tests"}
    for path, lines in sizes.items():
        if lines > FILE_LINES_MAX and path not in allowed:
            yield Finding(path, lines, f"{lines} lines, at most {FILE_LINES_MAX}: split it by what it is about, or give "
                                       f"the reason in {EXCEPTIONS}")
    for subject, number in allowed.items():
        if " " not in subject and sizes.get(subject, 0) <= FILE_LINES_MAX:
            yield Finding(EXCEPTIONS, number, f"{subject} needs no exception any more: remove the line")


def function_sizes(tree):
    """Functions of C++ outside tests have at most 70 lines."""
    allowed, _ = exceptions(tree)
    long = set()
    for source in tree:
        if not source.is_cpp or source.folder == "tests":
            continue
        for function in functions_of(source.text):
            if function.lines <= FUNCTION_LINES_MAX:
                continue
            subject = f"{source.path} {function.name}"
            long.add(subject)
            if subject not in allowed:
                yield Finding(source.path, function.line,
                              f"{function.name} has {function.lines} lines, at most {FUNCTION_LINES_MAX}: give its steps "
                              f"names, or give the reason in {EXCEPTIONS} as `{subject}: reason`")
    for subject, number in allowed.items():
        if " " in subject and subject not in long:
            yield Finding(EXCEPTIONS, number, f"{subject} needs no exception any more: remove the line")
