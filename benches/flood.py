#!/usr/bin/env python3
"""How long creating takes for one user while another is refused: fairness of the rate limits.

    benches/flood.py http://127.0.0.1:8010 [--seconds 10] [--rate 8]

The service needs limits that a flood can reach, as production has; over the `dev` profile, for example:

    BOTBERI__RATE_LIMITS__WRITE_MAX=600 botberi dev

One user creates instances, `--rate` of them in each second, first alone and then beside a user who floods at twenty times the
limit. Printed are the percentiles of both, and what became of the flood. Nothing but Python is needed.
"""

import argparse
import http.client
import json
import multiprocessing
import time
import urllib.parse
import uuid

LIMIT_PER_SECOND = 10
FLOOD_TIMES = 20
FLOODERS = 2


def connection(url):
    return http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=30)


def ask(link, method, path, body=None, token=None):
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    link.request(method, path, None if body is None else json.dumps(body), headers)
    answer = link.getresponse()
    return answer.status, answer.read()


def sign_up(url):
    link = connection(url)
    who = {"username": f"flood-{uuid.uuid4()}", "password": "correct horse battery"}
    ask(link, "POST", "/api/v1/auth/register", who)
    status, body = ask(link, "POST", "/api/v1/auth/login", who)
    assert status == 200, body
    token = json.loads(body)["access_token"]
    status, body = ask(link, "GET", "/api/v1/agents", token=token)
    return token, json.loads(body)["items"][0]["id"]


def paced(url, token, agent, rate, seconds, counts):
    """Creates at a steady rate; times are measured from when a request was due, so that waiting counts."""
    link, wish = connection(url), {"agent_id": agent, "title": "Flood"}
    begun, times = time.perf_counter(), []
    for index in range(int(rate * seconds)):
        due = begun + index / rate
        time.sleep(max(0, due - time.perf_counter()))
        status, _ = ask(link, "POST", "/api/v1/instances", wish, token)
        counts[status] = counts.get(status, 0) + 1
        if status == 201:
            times.append((time.perf_counter() - due) * 1_000)
    return times


def flood(url, token, agent, rate, seconds, results):
    counts = {}
    begun = time.perf_counter()
    paced(url, token, agent, rate, seconds, counts)
    results.put((counts, time.perf_counter() - begun))


def report(what, times):
    times.sort()
    at = lambda part: times[min(len(times) - 1, int(part * len(times)))]
    print(f"{what}: {len(times)} created, p50 {at(.5):.1f} ms, p99 {at(.99):.1f} ms, worst {times[-1]:.1f} ms")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("url")
    arguments.add_argument("--seconds", type=float, default=10)
    arguments.add_argument("--rate", type=float, default=8)
    given = arguments.parse_args()
    alone, counts = sign_up(given.url), {}
    report("alone", paced(given.url, *alone, given.rate, given.seconds, counts))
    beside, flooder = sign_up(given.url), sign_up(given.url)
    results = multiprocessing.Queue()
    rate = LIMIT_PER_SECOND * FLOOD_TIMES / FLOODERS
    # The window's requests are used up first: what is measured is refusing.
    work = (given.url, *flooder, rate, given.seconds + 6, results)
    flooders = [multiprocessing.Process(target=flood, args=work) for _ in range(FLOODERS)]
    for one in flooders:
        one.start()
    time.sleep(5)
    report("beside a flood", paced(given.url, *beside, given.rate, given.seconds, counts))
    for _ in flooders:
        statuses, took = results.get()
        print(f"a part of the flood: {statuses}, {sum(statuses.values()) / took:.0f} requests/s")
    for one in flooders:
        one.join()


if __name__ == "__main__":
    main()
