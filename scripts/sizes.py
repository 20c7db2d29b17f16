#!/usr/bin/env python3
"""Checks the sizes of the Rust: files, and the methods of types.

    scripts/sizes.py    a line for each file or type that is too large, and one with the largest sizes of all; exit code
                        1 if something is too large

A file has at most 350 lines, and half of them have fewer than 150. A type has at most 30 methods of its own, over all
files of its room; tests and implementations of traits do not count.
"""

import collections
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINES = 350
MEDIAN = 150
METHODS = 30

IMPL = re.compile(r"impl(?:<.*?>)? (\w+)")
METHOD = re.compile(r"    (?:pub(?:\([a-z:]+( [a-z:]+)*\))? )?(?:const |async |unsafe )*fn ")


def room(path):
    """Types of one name in one room are one type; the two machines are rooms of their own."""
    parts = path.split("/")
    return "/".join(parts[1:3]) if parts[1] == "machine" else parts[1]


def methods(path, text):
    """The types of a file, one for each method that it gives them."""
    kind = None
    lines = text.split("\n")
    for at, line in enumerate(lines):
        if line == "#[cfg(test)]" and lines[at + 1].startswith("mod tests {"):
            return
        if line.startswith("impl"):
            found = IMPL.match(line)
            kind = found.group(1) if found and " for " not in line else None
        elif line == "}":
            kind = None
        elif kind and METHOD.match(line):
            yield room(path), kind


def main():
    listed = subprocess.run(["git", "ls-files", "--", "*.rs"], cwd=ROOT, capture_output=True, text=True, check=True)
    sizes, counts, problems = {}, collections.Counter(), []
    for path in listed.stdout.split():
        text = (ROOT / path).read_text(encoding="utf-8")
        sizes[path] = text.count("\n")
        if path.startswith("src/") and "/tests/" not in path and not path.endswith("/tests.rs"):
            counts.update(methods(path, text))
    problems += [f"{path}: {lines} lines, more than {LINES}" for path, lines in sizes.items() if lines > LINES]
    problems += [f"{kind} of {where}: {count} methods, more than {METHODS}"
                 for (where, kind), count in counts.items() if count > METHODS]
    median = statistics.median(sizes.values())
    if median >= MEDIAN:
        problems.append(f"half of the files have {median:.0f} lines or more, not fewer than {MEDIAN}")
    (where, kind), most = counts.most_common(1)[0]
    print("\n".join(problems + [f"{len(sizes)} files, {max(sizes.values())} lines at most, median {median:.0f}; "
                                f"{most} methods at most ({kind} of {where})"]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
