#!/usr/bin/env python3
"""Fails when a page quotes code that is not in the code, or links to a file that is not there.

A quotation is a code block right below a line that ends with "`path`:"; each of its paragraphs must stand in that file as
it is, whatever its indentation.
"""

import os
import re
import subprocess
import sys

LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
QUOTATION = re.compile(r"`([^`\n]+)`:\n\n```[a-z]*\n(.*?)```", re.DOTALL)


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


def main():
    listed = subprocess.run(["git", "ls-files", "*.md", "llms.txt"], check=True, stdout=subprocess.PIPE, text=True)
    pages = listed.stdout.split()
    faults = [fault for page in pages for fault in faults_of(page)]
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        sys.exit(1)
    print(f"documentation: {len(pages)} pages, every link and quotation is right")


if __name__ == "__main__":
    main()
