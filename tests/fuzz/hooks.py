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
DEFINITION = {
    "name": "Made up", "description": "For trying out", "category": "test", "version": "1.0.0",
    "capabilities": ["trying"], "system_prompt": "Try.", "model": "none",
}
TAGS = re.compile(r'\*|(W/)?"[!#-~]*"([ \t]*,[ \t]*(W/)?"[!#-~]*")*')


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


def number(value, least, most):
    is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return is_whole and not isinstance(value, bool) and least <= value <= most


def of_an_agent(value):
    return AGENTS[int(value) % len(AGENTS)]


# What no schema can say is put right here, in every phase, on the way out.
@schemathesis.hook
def before_call(context, case, kwargs):
    headers, query, body, path = case.headers, case.query, case.body, case.path_parameters
    # A key that comes again with another body is refused: each request has its own.
    if headers and KEY.fullmatch(str(headers.get("Idempotency-Key", ""))):
        headers["Idempotency-Key"] = uuid.uuid4().hex
    if headers and not TAGS.fullmatch(str(headers.get("If-Match", "*"))):
        del headers["If-Match"]
    # A cursor is what a list gave out.
    if isinstance(query, dict):
        query.pop("cursor", None)
    if AGENTS and case.operation.path.startswith("/api/v1/agents/") and number((path or {}).get("id"), 0, 2**31 - 1):
        path["id"] = of_an_agent(path["id"])
    # An import of nothing is a mistake.
    if body == [] and case.operation.path.endswith("/import"):
        case.body = [DEFINITION | {"id": f"fuzz_{uuid.uuid4().hex}"}]
    if not isinstance(body, dict):
        return
    if AGENTS and number(body.get("agent_id"), -(2**31), 2**31 - 1):
        body["agent_id"] = of_an_agent(body["agent_id"])
    if isinstance(body.get("current_password"), str):
        body["current_password"] = PASSWORD
    # Positions that are not there yet are refused.
    if number(body.get("from_position"), 1, 2**63 - 1):
        body["from_position"] = 1
        if number(body.get("to_position"), 1, 2**63 - 1):
            body["to_position"] = 1
