"""Sends generated requests to a running service: whatever is sent, the answers are what the documents promise.

    make up                      # in another terminal, with BOTBERI_ADMIN_PASSWORD set
    make fuzz                    # the same variable; FUZZ_EXAMPLES=200 for a longer run

schemathesis reads each listener's own document and makes requests from it, good and bad ones, alone and in the order of
the resources (made, read, changed, deleted, read again). Reports are left in target/fuzz.
"""

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
REPORTS = HERE.parents[1] / "target" / "fuzz"
USER_URL = os.environ.get("FUZZ_USER_URL", "http://127.0.0.1:8010")
LISTENERS = {
    "user": USER_URL,
    "admin": os.environ.get("FUZZ_ADMIN_URL", "http://127.0.0.1:8020"),
    "broker": os.environ.get("FUZZ_BROKER_URL", "http://127.0.0.1:8030"),
}
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "50")
# These end the session or the account that asks; each request needs one of its own.
ENDS_SESSIONS = r"/(auth/logout|users/me/password)$"
# The socket answers with 101 and then no HTTP; the event stream does not end; metrics and pages are not JSON of ours.
NOT_FOR_FUZZING = r"/(api/v1/ws|api/v1/events|metrics|docs.*|openapi\.json)$"


def run(listener, name, *selection, throwaway=False):
    environment = dict(
        os.environ,
        FUZZ_LISTENER=listener,
        FUZZ_USER_URL=USER_URL,
        FUZZ_ADMIN_URL=LISTENERS["admin"],
        FUZZ_THROWAWAY="1" if throwaway else "0",
        SCHEMATHESIS_HOOKS=str(HERE / "hooks.py"),
    )
    command = [
        os.environ.get("SCHEMATHESIS", "schemathesis"), "--config-file", str(HERE / "schemathesis.toml"), "run", f"{LISTENERS[listener]}/openapi.json",
        "--checks", "all", "--max-examples", EXAMPLES, "--continue-on-failure", "--workers", "1",
        "--report", "junit", "--report-junit-path", str(REPORTS / f"{name}.xml"), *selection,
    ]
    print("$", " ".join(command), flush=True)
    return subprocess.run(command, env=environment, check=False).returncode


def main():
    REPORTS.mkdir(parents=True, exist_ok=True)
    if "BOTBERI_ADMIN_PASSWORD" not in os.environ:
        sys.exit("fuzz: set BOTBERI_ADMIN_PASSWORD to the administrator's password of the running service")
    failed = [
        run("user", "user", "--exclude-path-regex", f"{NOT_FOR_FUZZING}|{ENDS_SESSIONS}"),
        run("user", "user-sessions", "--include-path-regex", ENDS_SESSIONS, throwaway=True),
        run("admin", "admin", "--exclude-path-regex", f"{NOT_FOR_FUZZING}|{ENDS_SESSIONS}"),
        run("broker", "broker", "--exclude-path-regex", NOT_FOR_FUZZING),
    ]
    sys.exit(1 if any(failed) else 0)


if __name__ == "__main__":
    main()
