"""What the generated requests sign in with: loaded by schemathesis, told by the environment where and as whom."""

import json
import os
import re
import uuid
import urllib.request

import schemathesis

LISTENER = os.environ["FUZZ_LISTENER"]
USER_URL = os.environ["FUZZ_USER_URL"]
ADMIN_URL = os.environ["FUZZ_ADMIN_URL"]
# An account for each request: for operations that end accounts and sessions.
THROWAWAY = os.environ.get("FUZZ_THROWAWAY") == "1"
PASSWORD = "correct horse battery"
KEY = re.compile("[!-~]{1,255}")


def post(url, body):
    request = urllib.request.Request(
        url, data=json.dumps(body).encode(), headers={"content-type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def somebody_new():
    account = {"username": f"fuzz-{uuid.uuid4().hex}", "password": PASSWORD}
    post(f"{USER_URL}/api/v1/auth/register", account)
    return post(f"{USER_URL}/api/v1/auth/login", account)["access_token"]


def administrator():
    account = {"username": "admin", "password": os.environ["BOTBERI_ADMIN_PASSWORD"]}
    return post(f"{ADMIN_URL}/api/v1/auth/login", account)["access_token"]


# An access token lives for a quarter of an hour.
@schemathesis.auth(refresh_interval=None if THROWAWAY else 300)
class Bearer:
    """A session of a fresh user, or of the administrator at the doors that ask for one."""

    def get(self, case, context):
        return somebody_new() if LISTENER == "user" else administrator()

    def set(self, case, data, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"


def get(url, token):
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


# Agents are made at another listener: without real ones, no instance would ever be made here.
AGENTS = []
if LISTENER == "user" and not THROWAWAY:
    AGENTS = [agent["id"] for agent in get(f"{USER_URL}/api/v1/agents", somebody_new())["items"]]


def is_number_of_an_agent(value):
    return isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31


@schemathesis.hook
def map_body(context, body):
    if not isinstance(body, dict):
        return body
    if AGENTS and is_number_of_an_agent(body.get("agent_id")):
        body["agent_id"] = AGENTS[body["agent_id"] % len(AGENTS)]
    if isinstance(body.get("current_password"), str):
        body["current_password"] = PASSWORD
    # Positions that are not there yet are refused, rightly.
    if isinstance(body.get("from_position"), int) and body["from_position"] > 0:
        body["from_position"] = 1
        if isinstance(body.get("to_position"), int) and body["to_position"] > 0:
            body["to_position"] = 1
    return body


# A key that comes again with another body is refused, rightly: each request has its own.
@schemathesis.hook
def map_headers(context, headers):
    if headers and KEY.fullmatch(str(headers.get("Idempotency-Key", ""))):
        headers["Idempotency-Key"] = uuid.uuid4().hex
    return headers


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    operation = getattr(context, "operation", None)
    if AGENTS and operation is not None and operation.path.startswith("/api/v1/agents/"):
        if is_number_of_an_agent((path_parameters or {}).get("id")):
            path_parameters["id"] = AGENTS[path_parameters["id"] % len(AGENTS)]
    return path_parameters


# A cursor is what a list gave out: no schema can say that, and one that is made up is refused.
@schemathesis.hook
def map_query(context, query):
    if isinstance(query, dict):
        query.pop("cursor", None)
    return query
