#!/usr/bin/env python3
"""Writes docs/operations/configuration.md from config/*.toml: `--write`. Without it, fails when the page is out of date."""

import re
import sys

PAGE = "docs/operations/configuration.md"
HEAD = """# Configuration

Written by `scripts/configuration_docs.py --write` from `config/default.toml`; edit that file, not this page. How the layers are
put together, and how to read an error, is in [config/README.md](../../config/README.md).

A key is set in a file of your own (`--config PATH`), or by its variable: `BOTBERI__` and the key in capitals, with two
underscores between the levels. `http.user.port` is `BOTBERI__HTTP__USER__PORT`. An empty text means "not set".
"""


def keys_of(path):
    """Yields (section, key, value, meaning) in the order of the file. Our files use a small part of TOML only."""
    section, meaning = "", []
    with open(path) as file:
        for line in map(str.strip, file):
            if line.startswith("#"):
                meaning.append(line.lstrip("# "))
            elif header := re.fullmatch(r"\[([a-z_.]+)\]", line):
                section, meaning = header.group(1), []
            elif entry := re.fullmatch(r"([a-z_]+) = (.+)", line):
                yield section, entry.group(1), entry.group(2), " ".join(meaning)
                meaning = []
            elif not line:
                meaning = []
            else:
                sys.exit(f"{path}: cannot read: {line}")


def page():
    differs = {}
    for profile in ("dev", "prod"):
        for section, key, value, _ in keys_of(f"config/{profile}.toml"):
            differs.setdefault((section, key), []).append(f"{profile}: `{value}`")
    parts, current = [HEAD], None
    for section, key, value, meaning in keys_of("config/default.toml"):
        if not meaning:
            sys.exit(f"config/default.toml: {section}.{key} has no sentence that says what it means")
        if section != current:
            parts.append(f"\n## `[{section}]`\n\n| key | default | meaning |\n| --- | --- | --- |\n")
            current = section
        default = "<br>".join([f"`{value}`", *differs.get((section, key), [])])
        parts.append(f"| `{key}` | {default} | {meaning} |\n".replace("`\"\"`", "not set"))
    return "".join(parts)


def main():
    text = page()
    if sys.argv[1:] == ["--write"]:
        with open(PAGE, "w") as file:
            file.write(text)
        return
    with open(PAGE) as file:
        if file.read() != text:
            sys.exit(f"{PAGE} is out of date: run scripts/configuration_docs.py --write")
    print(f"configuration: {PAGE} says what config/default.toml says")


if __name__ == "__main__":
    main()
