#!/usr/bin/env python3
"""Checks the committed AsyncAPI document, `docs/api/asyncapi.json`, and the JSON Schemas in `docs/api/schemas/`.

1. A validator knows the rules of AsyncAPI 3.0. It lives in the private environment of `scripts/openapi.py`.
2. Each schema of a message is a schema by the rules of JSON Schema 2020-12, each of the document also by those of draft 7, which
   AsyncAPI builds on; and each example fits.
3. The rules of this house: whatever the document points to is there, and every channel, operation, message and schema is used.
"""

import json
import subprocess
import sys

from openapi import ROOT, validator_python

DOCUMENT = ROOT / "docs" / "api" / "asyncapi.json"
SCHEMAS = ROOT / "docs" / "api" / "schemas"


def references(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def target(document, location):
    node = document
    for part in location.removeprefix("#/").split("/"):
        node = node.get(part) if isinstance(node, dict) else None
    return node


def faults_of_links(document):
    used = set(references(document))
    for location in sorted(used):
        if target(document, location) is None:
            yield f"{location} points nowhere"
    for kind, place in (
        ("channel", document["channels"]),
        ("message", document["components"]["messages"]),
        ("schema", document["components"]["schemas"]),
    ):
        root = "channels" if kind == "channel" else f"components/{kind}s"
        for name in place:
            if f"#/{root}/{name}" not in used:
                yield f"the {kind} {name} is not used"
    by_operations = set(references(document["operations"]))
    for name, channel in document["channels"].items():
        for message in channel["messages"]:
            if f"#/channels/{name}/messages/{message}" not in by_operations:
                yield f"no operation has the message {message} of the channel {name}"
    for name, operation in document["operations"].items():
        own = operation["channel"]["$ref"] + "/messages/"
        for message in operation["messages"]:
            if not message["$ref"].startswith(own):
                yield f"{name} has {message['$ref']}, which is of another channel"


def faults_of_rules(document):
    """The validator takes no dots in the names of things, which the specification allows: it is shown other names."""
    import warnings

    warnings.simplefilter("ignore")
    from asyncapi3 import AsyncAPI3
    from pydantic import ValidationError

    components = document["components"]
    names = {*document["channels"], *document["operations"], *components["schemas"], *components["messages"]}

    def plain(node):
        if isinstance(node, dict):
            return {
                key.replace(".", "_") if key in names else key: value.replace(".", "_") if key == "$ref" else plain(value)
                for key, value in node.items()
            }
        return [plain(item) for item in node] if isinstance(node, list) else node

    try:
        AsyncAPI3.model_validate(plain(document))
    except ValidationError as error:
        for fault in error.errors():
            yield f"{'/'.join(map(str, fault['loc']))}: {fault['msg']}"


def faults_of_schema(dialect, schema, examples):
    from jsonschema import FormatChecker
    from jsonschema.exceptions import SchemaError

    try:
        dialect.check_schema(schema)
    except SchemaError as error:
        yield f"is no schema: {error.message}"
        return
    checker = dialect(schema, format_checker=FormatChecker())
    for example in examples:
        for error in checker.iter_errors(example):
            yield f"has an example that does not fit: {error.message}"


def faults_of_messages(document):
    from jsonschema import Draft7Validator

    components = document["components"]
    for name, message in components["messages"].items():
        for part in ("payload", "headers"):
            if part in message:
                # With the components beside it, so that its references lead somewhere.
                schema = {"components": components, **target(document, message[part]["$ref"])}
                examples = [example[part] for example in message["examples"] if part in example]
                if not examples:
                    yield f"{name} has no example of its {part}"
                for fault in faults_of_schema(Draft7Validator, schema, examples):
                    yield f"the {part} of {name} {fault}"


def faults_of_files(document):
    from jsonschema import Draft202012Validator

    files = {path.stem: path for path in SCHEMAS.glob("*.json")}
    for name in sorted(files.keys() ^ document["components"]["messages"].keys()):
        yield f"{name} is either a message or a file in {SCHEMAS.name}, and not both"
    for name, path in sorted(files.items()):
        schema = json.loads(path.read_text())
        if list(references(schema)):
            yield f"{path.name} needs another file"
        for fault in faults_of_schema(Draft202012Validator, schema, schema["examples"]):
            yield f"{path.name} {fault}"


def check():
    """Runs inside the private environment."""
    document = json.loads(DOCUMENT.read_text())
    faults = list(faults_of_links(document))
    if not faults:
        for find in (faults_of_rules, faults_of_messages, faults_of_files):
            faults += find(document)
    messages = document["components"]["messages"]
    print(f"{DOCUMENT.name}: {len(document['channels'])} channels, {len(messages)} messages, {len(faults)} faults")
    for fault in faults:
        print(f"asyncapi: {fault}", file=sys.stderr)
    sys.exit(1 if faults else 0)


def main():
    if sys.argv[1:] == ["--inside"]:
        check()
    if not DOCUMENT.exists():
        sys.exit(f"asyncapi: there is no {DOCUMENT}: run `make api-docs`")
    sys.exit(subprocess.run([validator_python(), __file__, "--inside"]).returncode)


if __name__ == "__main__":
    main()
