#!/usr/bin/env python3
"""Looks whether each answer of questions.json stands in its source: in the text that pandoc and pdftotext read out of it, not in ours.

    benches/knowledge/answers.py [--corpus target/knowledge-corpus] [--questions benches/knowledge/questions.json]
"""

import argparse
import functools
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def normal(text):
    return " ".join(text.casefold().split())


@functools.cache
def plain(path):
    kind = path.suffix[1:]
    if kind == "pdf":
        text = subprocess.run(["pdftotext", path, "-"], check=True, capture_output=True).stdout.decode()
        return normal(text.replace("\N{HYPHEN}\n", ""))
    if kind in ("docx", "html"):
        read = ["pandoc", "-f", kind, "-t", "plain", "--wrap=none", path]
        return normal(subprocess.run(read, check=True, capture_output=True).stdout.decode())
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252")
    if kind in ("srt", "vtt"):  # Only what is said.
        lines = [line for line in text.splitlines() if "-->" not in line and not line.strip().isdigit()]
        text = "\n".join(lines).replace("<i>", "").replace("</i>", "").replace("<v Profesora>", "")
    return normal(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=pathlib.Path, default=HERE.parents[1] / "target/knowledge-corpus")
    parser.add_argument("--questions", type=pathlib.Path, default=HERE / "questions.json")
    options = parser.parse_args()
    missing = 0
    questions = json.loads(options.questions.read_text())["questions"]
    for question in questions:
        answers = question["answer"]
        for answer in [answers] if isinstance(answers, str) else answers:
            if normal(answer) not in plain(options.corpus / question["source"]):
                print(f"{question['id']} {question['source']}: there is no {answer!r}")
                missing += 1
    print(f"{len(questions)} questions, {missing} answers not in their sources")
    sys.exit(missing > 0)


if __name__ == "__main__":
    main()
