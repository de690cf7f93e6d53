#!/usr/bin/env python3
"""Checks the committed OpenAPI documents: `docs/api/openapi.{user,admin,broker}.json`.

1. A validator knows the rules of OpenAPI 3.1. It lives in a private environment under `target/`, made once from
   `scripts/openapi.requirements.txt` and again when that file changes.
2. The rules of this house: each operation has an id of its own, a summary, a description, a tag that is declared, its security,
   an answer and a problem, and examples; each example fits its schema.

`--committed FOLDER` checks documents elsewhere.
"""

import hashlib
import json
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "scripts" / "openapi.requirements.txt"
ENVIRONMENT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "openapi-validator"
LISTENERS = ("user", "admin", "broker")
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
PROBLEM = "application/problem+json"


def die(message):
    sys.exit(f"openapi: {message}")


def validator_python():
    """The interpreter of the private environment, which is made if it is not there."""
    python = ENVIRONMENT / "bin" / "python"
    stamp = ENVIRONMENT / "requirements.sha256"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    print("openapi: installing the validator, once", file=sys.stderr)
    try:
        venv.create(ENVIRONMENT, clear=True, with_pip=True)
    except Exception as error:
        die(f"cannot make a Python environment: {error}; `make setup` installs what is missing on Debian")
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        last = done.stdout.strip().splitlines()[-3:]
        die("cannot install the validator (it needs the network, once):\n  " + "\n  ".join(last))
    stamp.write_text(wanted)
    return python


def operations(document):
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method.upper()} {path}", item[method]


def resolve(document, node):
    while isinstance(node, dict) and "$ref" in node:
        target = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def examples_of(content):
    found = [content["example"]] if "example" in content else []
    return found + [example["value"] for example in content.get("examples", {}).values()]


def faults_of_operation(document, operation):
    tags = {tag["name"] for tag in document.get("tags", [])}
    for member in ("operationId", "summary", "description"):
        if not operation.get(member, "").strip():
            yield f"has no {member}"
    if not operation.get("tags"):
        yield "has no tag"
    for tag in set(operation.get("tags", [])) - tags:
        yield f"has the tag {tag!r}, which is not declared"
    if "security" not in operation:
        yield "does not say whether it asks for a credential"
    left = [name for name in operation if name.startswith("x-")]
    if left:
        yield f"has {left}: is there an unknown error code in it?"
    for parameter in operation.get("parameters", []):
        if not resolve(document, parameter).get("description", "").strip():
            yield f"has the parameter {parameter.get('name')} without a description"
    bodies = [("request", resolve(document, operation.get("requestBody", {})))]
    answers = {status: resolve(document, answer) for status, answer in operation["responses"].items()}
    if not any(status < "400" for status in answers):
        yield "has no good answer"
    # The operators' plain routes do not fail.
    has_problem = any(PROBLEM in answer.get("content", {}) for status, answer in answers.items() if status >= "400")
    if not has_problem and operation.get("security") != [{}]:
        yield "has no problem"
    for status, answer in answers.items():
        if not answer.get("description", "").strip():
            yield f"does not describe its {status}"
        if "X-Request-Id" not in answer.get("headers", {}):
            yield f"gives its {status} without X-Request-Id"
        if status >= "400" and PROBLEM not in answer.get("content", {}):
            yield f"answers {status} without a problem document"
        bodies.append((status, answer))
    for name, body in bodies:
        for media_type, content in body.get("content", {}).items():
            if not examples_of(content):
                yield f"has no example of its {name} ({media_type})"


def faults_of_examples(document):
    """Only with the validator's packages: whether every example fits its schema."""
    from jsonschema import Draft202012Validator, FormatChecker
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT202012

    resource = Resource(contents=document, specification=DRAFT202012)
    registry = Registry().with_resource("urn:document", resource)

    def absolute(node):
        if isinstance(node, dict):
            return {
                key: f"urn:document{value}" if key == "$ref" and value.startswith("#") else absolute(value)
                for key, value in node.items()
            }
        return [absolute(item) for item in node] if isinstance(node, list) else node

    registry = Registry().with_resource("urn:document", Resource(contents=absolute(document), specification=DRAFT202012))

    def check(schema, example):
        checker = Draft202012Validator(absolute(schema), registry=registry, format_checker=FormatChecker())
        return [error.message for error in checker.iter_errors(example)]

    for name, operation in operations(document):
        bodies = [resolve(document, operation.get("requestBody", {}))]
        bodies += [resolve(document, answer) for answer in operation["responses"].values()]
        for body in bodies:
            for content in body.get("content", {}).values():
                for example in examples_of(content):
                    for fault in check(content.get("schema", {}), example):
                        yield f"{name}: an example does not fit: {fault}"
        for parameter in operation.get("parameters", []):
            parameter = resolve(document, parameter)
            if "example" in parameter:
                for fault in check(parameter["schema"], parameter["example"]):
                    yield f"{name}: the example of {parameter['name']} does not fit: {fault}"


def faults_of_document(document):
    ids = {}
    for name, operation in operations(document):
        for fault in faults_of_operation(document, operation):
            yield f"{name} {fault}"
        twin = ids.setdefault(operation.get("operationId"), name)
        if twin != name:
            yield f"{name} has the operationId of {twin}"


def check(folder):
    """Runs inside the private environment."""
    from openapi_spec_validator import OpenAPIV31SpecValidator

    faults = []
    for listener in LISTENERS:
        path = folder / f"openapi.{listener}.json"
        document = json.loads(path.read_text())
        if not document["openapi"].startswith("3.1."):
            faults.append(f"{path.name}: is OpenAPI {document['openapi']}")
        broken = [f"{'/'.join(map(str, error.path))}: {error.message}" for error in OpenAPIV31SpecValidator(document).iter_errors()]
        own = list(faults_of_document(document)) + ([] if broken else list(faults_of_examples(document)))
        faults += [f"{path.name}: {fault}" for fault in broken + own]
        print(f"{path.name}: {sum(1 for _ in operations(document))} operations, {len(broken + own)} faults")
    for fault in faults:
        print(f"openapi: {fault}", file=sys.stderr)
    sys.exit(1 if faults else 0)


def main():
    arguments = sys.argv[1:]
    is_inside = arguments[:1] == ["--inside"]
    arguments = arguments[1:] if is_inside else arguments
    folder = Path(arguments[1]) if arguments[:1] == ["--committed"] else ROOT / "docs" / "api"
    if is_inside:
        check(folder)
    missing = [name for name in LISTENERS if not (folder / f"openapi.{name}.json").exists()]
    if missing:
        die(f"no document of {', '.join(missing)} in {folder}: run `make api-docs`")
    python = validator_python()
    sys.exit(subprocess.run([python, __file__, "--inside", "--committed", folder]).returncode)


if __name__ == "__main__":
    main()
