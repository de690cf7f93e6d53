#!/usr/bin/env python3
"""Fails when a page quotes code that is not in the code, or links to a file that is not there.

A quotation is a code block right below a line that ends with "`path/of/a/file`:"; each of its paragraphs must stand in that file as
it is, whatever its indentation. And SECURITY.md names tests: each must be there.
"""

import os
import re
import sys

LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
QUOTATION = re.compile(r"`([^`\s]+/[^`\s]+)`:\n\n```[a-z]*\n(.*?)```", re.DOTALL)


def lines_of(text):
    return "\n".join(line.strip() for line in text.splitlines())


def faults_of(page):
    with open(page) as file:
        text = file.read()
    for target in LINK.findall(text):
        if not os.path.exists(os.path.join(os.path.dirname(page), target)):
            yield f"{page}: there is no {target}"
    for path, quoted in QUOTATION.findall(text):
        if not os.path.exists(path):
            yield f"{page}: quotes {path}, which is not there"
            continue
        with open(path) as file:
            code = lines_of(file.read())
        for paragraph in lines_of(quoted).split("\n\n"):
            if paragraph.strip() not in code:
                yield f"{page}: quotes what is not in {path}: {paragraph.strip().splitlines()[0]}"


def tests_that_are_gone():
    """What SECURITY.md calls a test is a long name in backticks."""
    with open("SECURITY.md") as file:
        named = set(re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+){4,})`", file.read()))
    there = set()
    for root in ("src", "tests"):
        for folder, _, names in os.walk(root):
            for name in (name for name in names if name.endswith(".rs")):
                with open(os.path.join(folder, name)) as file:
                    there.update(re.findall(r"\bfn ([a-z0-9_]+)\(", file.read()))
    yield from (f"./SECURITY.md: there is no test {name}" for name in sorted(named - there))


def pages():
    for folder, folders, names in os.walk("."):
        folders[:] = [name for name in folders if name not in ("target", ".git", ".botberi")]
        yield from (os.path.join(folder, name) for name in names if name.endswith(".md") or name == "llms.txt")


def main():
    read = sorted(pages())
    faults = [fault for page in read for fault in faults_of(page)]
    faults.extend(tests_that_are_gone())
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        sys.exit(1)
    print(f"documentation: {len(read)} pages, every link and quotation is right")


if __name__ == "__main__":
    main()
