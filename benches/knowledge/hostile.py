#!/usr/bin/env python3
"""What hostile files do to a service that others use at the same time.

    benches/knowledge/hostile.py [--base http://127.0.0.1:8010] [--pid PID …] [--only WORD …] [--json figures.json]

A neighbour reads an agent and searches a small knowledge base, 100 requests a second in all, and adds a small document every other second:
first alone, then while somebody else sends the files of hostile_files.py one by one, then eight of them at once, and at last searches
what was taken of them. Each file must be refused (4xx; what has no end, early), or end as `ready`, or as `failed` with a reason, within
150 s. Anything else is a fault, as is whatever a neighbour is not answered with 200, and a /readyz that is not 200. With faults: exit code 1.

Run it where the service runs, as root or its user: memory is read from /proc. The service needs the dev profile's limits, for 100 requests
a second are as many as one user may make. It takes ten minutes, and longer for each file without an end. Nothing but Python is needed.
"""

import argparse
import collections
import concurrent.futures
import functools
import http.client
import itertools
import json
import multiprocessing
import pathlib
import re
import select
import sys
import tempfile
import threading
import time
import urllib.parse
import uuid

from hostile_files import KINDS, endless
from latency import percentile
from measure import HERE, Client, make_instance

LOAD_PER_SECOND = 100
ALONE_SECONDS = 15
WITHIN_SECONDS = 150
AT_ONCE = 8  # As many uploads as one user may have under way.
EARLY_BYTES = 64 << 20  # A file may have 25 MiB; the rest is what buffers on the way may hold.
SEARCHES = 40
NOT_SENT = "not sent"
QUERIES = ["keeper of the lighthouse", "how far the light is seen", '"open fire"', "lens prism", "fog horn", "Alexandria", "lihgthouse"]


# What is sent.

def upload(client, instance, name, pieces, size):
    """Sends until somebody answers: status, body, bytes sent. In chunks, if there is no size; all of it as a part's head, if there is no name."""
    border = uuid.uuid4().hex
    head = f'--{border}\r\ncontent-disposition: form-data; name="lang_hint"\r\n\r\nes\r\n--{border}\r\ncontent-disposition: form-data; name="file"; '
    head = (head + (f'filename="{name}"\r\n\r\n' if name else 'filename="')).encode()
    tail = f"\r\n--{border}--\r\n".encode()
    link = http.client.HTTPConnection(client.address.netloc, timeout=330)
    link.putrequest("POST", f"{client.address.path}/instances/{instance}/knowledge-base/entries")
    link.putheader("authorization", f"Bearer {client.token}")
    link.putheader("content-type", f"multipart/form-data; boundary={border}")
    link.putheader(*("transfer-encoding", "chunked") if size is None else ("content-length", str(len(head) + size + len(tail))))
    link.endheaders()
    parts = itertools.chain([head], pieces, [tail])
    if size is None:
        parts = itertools.chain((b"%x\r\n%s\r\n" % (len(part), part) for part in parts), [b"0\r\n\r\n"])
    sent, is_heard = 0, True
    link.sock.settimeout(0)
    for part in parts:
        rest = memoryview(part)
        while rest and is_heard:
            answered, writable, _ = select.select([link.sock], [link.sock], [], 330)
            try:
                count = link.sock.send(rest) if writable and not answered else 0
            except (BrokenPipeError, ConnectionResetError):
                count = 0
            rest, sent, is_heard = rest[count:], sent + count, count > 0
        if not is_heard:
            break
    link.sock.settimeout(330)
    try:
        answer = link.getresponse()
        return answer.status, json.loads(answer.read() or b"{}"), sent
    except (http.client.HTTPException, OSError, ValueError) as error:
        return None, {"detail": f"no answer: {error!r}"}, sent
    finally:
        link.close()


def attempt(client, instance, kind, folder):
    """Sends one kind, and waits for its end."""
    name, make = KINDS[kind]
    is_endless = make is endless
    begun = time.perf_counter()
    for _ in range(2):
        pieces = endless() if is_endless else iter(functools.partial((folder / name).open("rb").read, 1 << 18), b"")
        status, body, sent = upload(client, instance, name, pieces, None if is_endless else (folder / name).stat().st_size)
        if status != 401:  # A sign-in lasts 15 minutes.
            break
        client.sign_in()
    row = {"kind": kind, "sent": sent, "http": status, "begun": begun, "fault": None}
    if status != 201:
        errors = "; ".join(f"{it['field']} {it['message']}" for it in body.get("errors", []))
        row |= {"end": body.get("code"), "reason": errors or body.get("detail")}
        if status not in (400, 413, 415, 422):
            row["fault"] = f"{status} is no refusal"
        elif is_endless and sent > EARLY_BYTES:
            row["fault"] = "was refused late"
    else:
        row |= watched(client, f"/instances/{instance}/knowledge-base/entries/{body['id']}", body)
    row["seconds"] = time.perf_counter() - begun
    print(f"  {kind}: {status} {row['end']} {row['seconds']:.1f} s {row['fault'] or ''}", file=sys.stderr, flush=True)
    return row


def watched(client, route, entry):
    begun, read_since, revision = time.perf_counter(), None, entry["revision"]
    while entry["status"] not in ("ready", "failed"):
        time.sleep(0.05)
        entry = client.ask("GET", route)
        # What waits for its first reader waits for what else this user has sent.
        read_since = read_since or (time.perf_counter() if entry["revision"] > revision else None)
        if time.perf_counter() - (read_since or begun + 2 * WITHIN_SECONDS) > WITHIN_SECONDS:
            client.ask("POST", f"{route}/cancel", expect=(202, 409))
            # Each time that it is begun, and put back, is a revision.
            return {"end": entry["status"], "reason": entry["status_reason"], "fault": f"has no end: moved {entry['revision'] - revision} times"}
    fault = "failed without a reason" if entry["status"] == "failed" and not entry["status_reason"] else None
    return {"end": entry["status"], "reason": entry["status_reason"] or f"{entry['chunks']} chunks", "fault": fault}


def search(client, instance):
    begun = time.perf_counter()
    status, _, _ = client.send("GET", f"/instances/{instance}/knowledge-base/search?q=lighthouse&k=50", None, {})
    return status, (time.perf_counter() - begun) * 1000


def several(base, user, work, items):
    """Does all items, as many at once as one user may; each thread is signed in by itself."""
    own = threading.local()

    def one(item):
        own.client = getattr(own, "client", None) or Client(base, user)
        return work(own.client, item)

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, items))


# Who else is there.

def load(base, user, routes, stop, results):
    """A process of its own, so that nothing here makes it wait; two connections for each route, so that no route waits for the other. Times
    are from when a request was due. What is due while one waits for longer than a second is not sent, and counted."""
    client, lock, seen = Client(base, user), threading.Lock(), []
    names, begun = [*routes, *routes], time.perf_counter()

    def work(first):
        link, paths = http.client.HTTPConnection(client.address.netloc, timeout=60), itertools.cycle(routes[names[first]])
        for turn in itertools.count():
            due = begun + (turn * len(names) + first) / LOAD_PER_SECOND
            time.sleep(max(0, due - time.perf_counter()))
            if stop.is_set():
                return
            if time.perf_counter() - due > 1:
                seen.append((due, names[first], 0, NOT_SENT))
                continue
            try:
                link.request("GET", client.address.path + next(paths), headers={"authorization": f"Bearer {client.token}"})
                answer = link.getresponse()
                answer.read()
                status = answer.status
            except (http.client.HTTPException, OSError) as error:
                link, status = http.client.HTTPConnection(client.address.netloc, timeout=60), type(error).__name__
            if status == 401:
                with lock:
                    client.sign_in()
            else:
                seen.append((due, names[first], (time.perf_counter() - due) * 1000, status))

    several_threads = [threading.Thread(target=work, args=(first,)) for first in range(len(names))]
    for thread in several_threads:
        thread.start()
    for thread in several_threads:
        thread.join()
    results.put(seen)


def add_good(client, instance):
    """A document as good as any: when it was sent, and how long it took until it was found by a word that only it has."""
    word, begun = "pharos" + uuid.uuid4().hex[:12].translate(str.maketrans("0123456789", "ghijklmnop")), time.perf_counter()
    route = f"/instances/{instance}/knowledge-base"
    client.ask("POST", f"{route}/entries", {"content": f"The keeper wrote {word} into the book of the lighthouse.", "lang_hint": "en"})
    while time.perf_counter() - begun < WITHIN_SECONDS:
        if client.ask("GET", f"{route}/search?q={word}")["hits"]:
            return begun, time.perf_counter() - begun
        time.sleep(0.05)
    return begun, None


class Watch(threading.Thread):
    """Every 100 ms, what the service and the children that read documents have of memory; every second, whether it is ready."""

    def __init__(self, base, pids):
        super().__init__(daemon=True)
        self.base, self.pids, self.memory, self.unready = base, pids, [], []

    def reset(self):
        """From here on, VmHWM is the peak of what comes."""
        for pid in self.pids:
            try:
                pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")
            except OSError:
                print("VmHWM counts from the service's start: it cannot be reset", file=sys.stderr)

    def readers(self):
        """Not the servers that `botberi dev` starts."""
        for task in [task for pid in self.pids for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children")]:
            yield from (child for child in text_of(task).split() if "\0extract\0" in text_of(f"/proc/{child}/cmdline"))

    def run(self):
        for turn in itertools.count():
            now, own, readers = time.perf_counter(), [memory(it) for it in self.pids], [memory(it) for it in self.readers()]
            self.memory.append((now, sum(rss for rss, _ in own), sum(peak for _, peak in own), sum(rss for rss, _ in readers),
                                max((peak for _, peak in readers), default=0)))
            if turn % 10 == 0:
                self.unready += why_not_ready(self.base)
            time.sleep(max(0, now + 0.1 - time.perf_counter()))

    def peaks(self, begun, end):
        """MiB: of the service, sampled and as the kernel has it; of the largest reader; of all readers, and of everything, at one time."""
        mine = [row for row in self.memory if begun <= row[0] <= end] or [(0,) * 5]
        own, kernel, largest, all_readers, everything = (max(it) for it in zip(*((row[1], row[2], row[4], row[3], row[1] + row[3]) for row in mine)))
        return [kib // 1024 for kib in (own, kernel, largest, all_readers, everything)]


def why_not_ready(base):
    link = http.client.HTTPConnection(urllib.parse.urlsplit(base).netloc, timeout=5)
    try:
        link.request("GET", "/readyz")
        answer = link.getresponse()
        return [] if answer.status == 200 else [json.loads(answer.read()).get("detail")]
    except (http.client.HTTPException, OSError, ValueError) as error:
        return [repr(error)]
    finally:
        link.close()


def text_of(path):
    try:
        return pathlib.Path(path).read_text(errors="replace")
    except OSError:  # It has just ended.
        return ""


def memory(pid):
    found = dict(re.findall(r"^(VmRSS|VmHWM):\s+(\d+) kB", text_of(f"/proc/{pid}/status"), flags=re.M))
    return int(found.get("VmRSS", 0)), int(found.get("VmHWM", 0))


def listener(port):
    """Who listens on a port of this machine."""
    rows = [line.split() for table in ("tcp", "tcp6") for line in text_of(f"/proc/net/{table}").splitlines()[1:]]
    sockets = {f"socket:[{row[9]}]" for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")}
    for link in pathlib.Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(link.readlink()) in sockets:
                return int(link.parts[2])
        except OSError:
            continue
    sys.exit(f"nobody here listens on port {port}, or it cannot be seen: name the service's process with --pid")


# What is told.

def table(head, rows):
    cell = lambda value: " ".join(str("–" if value is None else value).split()).replace("|", "\\|")[:100]
    print("", f"| {' | '.join(head)} |", "|" + " --- |" * len(head), *(f"| {' | '.join(map(cell, row))} |" for row in rows), sep="\n")


def report(watch, spans, rows, together, searches, final, waits, seen):
    within = lambda items, begun, end: [it for it in items if begun <= it[0] <= end]
    two = lambda times, form: [format(percentile(sorted(times), part), form) for part in (0.5, 1)]
    again = {row["kind"]: row for row in together}
    lines = []
    for row in rows:
        span = row["begun"], row["begun"] + row["seconds"]
        worst = max((it[2] for it in within(seen, *span)), default=0)
        lines.append((row["kind"], f"{row['sent'] / 1e6:.1f}", row["http"], row["end"], row["reason"], f"{row['seconds']:.1f}",
                      watch.peaks(*span)[2] or None, f"{worst:.0f}", f"{again[row['kind']]['end']}, {again[row['kind']]['seconds']:.1f} s"))
    table(["kind", "MB sent", "answer", "end", "reason", "s", "reader, MiB", "worst for others, ms", "among eight"], lines)

    lines, faults = [], [f"{row['kind']}: {row['fault']}" for row in [*rows, *together] if row["fault"]]
    for name, span in spans.items():
        mine, good = within(seen, *span), within(waits, *span)
        statuses = collections.Counter(it[3] for it in mine if it[3] != 200)
        not_sent = statuses.pop(NOT_SENT, 0)
        faults += [f"{name}: {count} requests of the neighbour were answered with {status}" for status, count in statuses.items()]
        faults += [f"{name}: a good document of the neighbour was not found"] * sum(took is None for _, took in good)
        line = [name, f"{span[1] - span[0]:.0f}", not_sent]
        for route in ("agent", "search"):
            times = sorted(it[2] for it in mine if it[1] == route and it[3] == 200)
            line += [f"{percentile(times, part):.1f}" for part in (0.5, 0.99, 1)]
        lines.append([*line, *two([took for _, took in good if took is not None], ".2f"), *watch.peaks(*span)])
    table(["", "s", NOT_SENT, "agent p50, ms", "p99", "worst", "search p50, ms", "p99", "worst", "a document found p50, s", "worst",
           "service RSS, MiB", "its VmHWM", "largest reader", "readers at once", "everything at once"], lines)

    statuses = collections.Counter(status for status, _ in searches)
    p50, worst = two([took for _, took in searches], ".0f")
    print(f"\nsearches of what was taken, {AT_ONCE} at once: {dict(statuses)}, p50 {p50} ms, worst {worst} ms")
    faults += [f"{count} searches of what was taken were answered with {status}" for status, count in statuses.items() if status != 200]
    print(f"good documents beside the hostile ones, afterwards: found after {', '.join(f'{took:.2f} s' if took else 'never' for took in final)}")
    faults += ["afterwards a good document was not found"] * final.count(None)
    faults += [f"/readyz was not 200, {count} times: {why}" for why, count in collections.Counter(watch.unready).items()]
    print(f"\n{len(faults)} faults" + "".join(f"\n- {fault}" for fault in faults))
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", default="http://127.0.0.1:8010")
    parser.add_argument("--pid", type=int, action="append", help="a process of the service; without it, whoever listens on the port")
    parser.add_argument("--only", action="append", metavar="WORD", help="only kinds with this word in their name")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    kinds = [kind for kind in KINDS if not options.only or any(word in kind for word in options.only)]
    watch = Watch(options.base, options.pid or [listener(urllib.parse.urlsplit(options.base).port or 80)])
    neighbour, hostile = Client(options.base), Client(options.base)
    home, one, other = make_instance(neighbour), make_instance(hostile), make_instance(hostile)
    for part in (HERE / "lecture.en.txt").read_text().split("\n\n"):
        neighbour.ask("POST", f"/instances/{home}/knowledge-base/entries", {"content": part, "lang_hint": "en"})
    add_good(neighbour, home)
    agent = neighbour.ask("GET", "/agents?limit=1")["items"][0]["id"]
    searched = f"/instances/{home}/knowledge-base/search?"
    routes = {"agent": [f"/agents/{agent}"], "search": [searched + urllib.parse.urlencode({"q": it}) for it in QUERIES]}

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, make in (KINDS[kind] for kind in kinds):  # Before anything is measured.
            if make is not endless:
                (folder / name).write_bytes(make())
        stop, results, waits, spans = multiprocessing.Event(), multiprocessing.Queue(), [], {}
        process = multiprocessing.Process(target=load, args=(options.base, neighbour.user, routes, stop, results), daemon=True)
        process.start()
        watch.start()

        def add_now_and_then():
            while not stop.wait(2):
                waits.append(add_good(neighbour, home))

        threading.Thread(target=add_now_and_then, daemon=True).start()

        def phase(name, work):
            print(name, file=sys.stderr, flush=True)
            watch.reset()
            begun = time.perf_counter()
            done = work()
            spans[name] = (begun, time.perf_counter())
            return done

        time.sleep(2)  # Warm.
        phase("alone", lambda: time.sleep(ALONE_SECONDS))
        rows = phase("one by one", lambda: [attempt(hostile, one, kind, folder) for kind in kinds])
        at_once = functools.partial(several, options.base, hostile.user)
        together = phase("eight at once", lambda: at_once(lambda client, kind: attempt(client, other, kind, folder), kinds))
        searches = phase("searched for", lambda: at_once(lambda client, _: search(client, one), range(SEARCHES)))
        time.sleep(5)  # What was late comes to its end.
        final = phase("afterwards", lambda: [add_good(hostile, it)[1] for it in (one, other)] + [time.sleep(ALONE_SECONDS)])[:2]
        stop.set()
        seen = results.get(timeout=90)
    faults = report(watch, spans, rows, together, searches, final, waits, seen)
    if options.json:
        options.json.write_text(json.dumps({"kinds": rows, "eight at once": together, "searches": searches, "faults": faults}, indent=1))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
