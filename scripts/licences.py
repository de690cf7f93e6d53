#!/usr/bin/env python3
"""Fails when a dependency has a licence that we do not accept, or comes from elsewhere than the registry."""

import json
import re
import subprocess
import sys

# Permissive licences: they ask for a notice and nothing else. Every dependency must offer at least one way to
# use it under these alone.
ACCEPTED = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
}


def accepted(expression):
    """Whether an SPDX expression can be met with accepted licences alone."""
    # Before there was a standard, crates wrote "MIT/Apache-2.0" for a choice.
    tokens = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))

    def choice():
        value = combination()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            value = combination() or value
        return value

    def combination():
        value = term()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            value = term() and value
        return value

    def term():
        token = tokens.pop(0)
        if token == "(":
            value = choice()
            tokens.pop(0)
            return value
        if tokens and tokens[0] == "WITH":
            tokens.pop(0)
            token = f"{token} WITH {tokens.pop(0)}"
        return token in ACCEPTED

    return choice()


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def main():
    host = re.search(r"^host: (.+)$", output("rustc", "-vV"), re.MULTILINE).group(1)
    metadata = json.loads(
        output("cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", host)
    )
    own = set(metadata["workspace_members"])
    used = {node["id"] for node in metadata["resolve"]["nodes"]} - own

    faults = []
    for package in metadata["packages"]:
        if package["id"] not in used:
            continue
        name = f"{package['name']} {package['version']}"
        source = package["source"] or "a folder outside this repository"
        if not source.startswith("registry+"):
            faults.append(f"{name} comes from {source}: take a published version")
        licence = package["license"]
        if not licence:
            faults.append(f"{name} does not state its licence")
        elif not accepted(licence):
            faults.append(f"{name} is licensed as {licence}: replace it, or accept it in scripts/licences.py")

    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        sys.exit(1)
    print(f"licences: all {len(used)} dependencies are fine")


if __name__ == "__main__":
    main()
