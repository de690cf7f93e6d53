#!/usr/bin/env python3
"""How fast documents are read into a knowledge base, and how well it answers afterwards.

    benches/knowledge/measure.py [--base http://127.0.0.1:8010] [--json figures.json]
    benches/knowledge/measure.py --instance ID     # asks again what has been filled: to see what a change of the ranking does

Signs up a user, makes an instance, uploads the corpus one file after another, waits for each until it is `ready` or has `failed`, and
asks all questions. Nothing but Python is needed. The user is remembered in target/knowledge-measure.json, for --instance (`last` is
the one that was filled last on that service).
"""

import argparse
import collections
import http.client
import json
import mimetypes
import pathlib
import statistics
import sys
import time
import urllib.parse
import uuid

HERE = pathlib.Path(__file__).resolve().parent
TARGET = HERE.parents[1] / "target"
MEMORY = TARGET / "knowledge-measure.json"
HITS = 10


class Client:
    """One user on one connection that is kept."""

    def __init__(self, base, user=None):
        self.base = base.rstrip("/")
        if not self.base.endswith("/api/v1"):
            self.base += "/api/v1"
        self.address = urllib.parse.urlsplit(self.base)
        self.link, self.token = None, None
        self.user = user or {"username": f"knowledge-{uuid.uuid4()}", "password": "correct horse battery"}
        if not user:
            self.ask("POST", "/auth/register", self.user, expect=(201,))
        self.sign_in()

    def sign_in(self):
        self.token = None
        self.token = self.ask("POST", "/auth/login", self.user)["access_token"]

    def send(self, method, path, body, headers):
        if self.token:
            headers = {**headers, "authorization": f"Bearer {self.token}"}
        for attempt in (1, 2):
            if self.link is None:
                self.link = http.client.HTTPConnection(self.address.netloc, timeout=330)
            try:
                self.link.request(method, self.address.path + path, body, headers)
                answer = self.link.getresponse()
                return answer.status, answer.headers, answer.read()
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self.link = None
                if attempt == 2:
                    raise

    def ask(self, method, path, body=None, headers=None, expect=(200, 201, 202, 204)):
        if body is not None and headers is None:
            body, headers = json.dumps(body), {"content-type": "application/json"}
        for _ in range(120):
            status, head, text = self.send(method, path, body, headers or {})
            if status == 401 and self.token:  # A sign-in lasts 15 minutes.
                self.sign_in()
            elif status in (429, 503):
                time.sleep(min(float(head.get("retry-after") or 1), 60))
            elif status in expect:
                return json.loads(text) if text else None
            else:
                raise RuntimeError(f"{method} {path}: {status} {text.decode(errors='replace')[:400]}")
        raise RuntimeError(f"{method} {path}: refused for too long")


def form(path, fields):
    border = uuid.uuid4().hex
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    parts = [f'--{border}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    parts.append(
        f'--{border}\r\ncontent-disposition: form-data; name="file"; filename="{path.name}"\r\ncontent-type: {kind}\r\n\r\n'.encode()
        + path.read_bytes()
        + f"\r\n--{border}--\r\n".encode()
    )
    return b"".join(parts), {"content-type": f"multipart/form-data; boundary={border}"}


def make_instance(client):
    agent = client.ask("GET", "/agents?limit=1")["items"][0]["id"]
    return client.ask("POST", "/instances", {"agent_id": agent, "title": "Knowledge"})["id"]


def fill(client, instance, corpus):
    """Uploads one by one; what is measured is from the first byte of the upload until the entry is seen to be ready."""
    route, rows = f"/instances/{instance}/knowledge-base/entries", []
    files = sorted(path for path in corpus.glob("*/*") if path.is_file())
    for place, path in enumerate(files, 1):
        lang = path.name.rsplit(".", 2)[1]
        video = path.suffix in (".srt", ".vtt")
        body, headers = form(path, {"data_type": "video" if video else "document", "lang_hint": lang})
        begun = time.perf_counter()
        try:
            entry = client.ask("POST", route, body, headers)
        except RuntimeError as error:
            rows.append({"file": f"{path.parent.name}/{path.name}", "kind": path.parent.name, "status": "refused", "reason": str(error),
                         "bytes": path.stat().st_size, "seconds": None, "upload_seconds": None, "chunks": 0})
            continue
        uploaded = time.perf_counter() - begun
        pause = 0.004
        while entry["status"] not in ("ready", "failed"):
            time.sleep(pause)
            pause = min(pause * 1.3, 0.1)
            entry = client.ask("GET", f"{route}/{entry['id']}")
        rows.append({
            "file": f"{path.parent.name}/{path.name}", "kind": path.parent.name, "language": lang, "entry_id": entry["id"],
            "status": entry["status"], "reason": entry["status_reason"], "title": entry["title"], "format": entry["format"],
            "bytes": path.stat().st_size, "text_chars": len(entry.get("text") or entry.get("content") or ""),
            "seconds": time.perf_counter() - begun, "upload_seconds": uploaded, "chunks": entry["chunks"],
        })
        if sys.stderr.isatty():
            print(f"\r{place} of {len(files)}", end="\r", file=sys.stderr)
    return rows


def table_of_files(rows):
    print(f"{'format':8}{'files':>6}{'MB':>8}{'text MB':>9}{'seconds':>9}{'s/MB':>8}{'median s':>10}{'slowest s':>11}{'chunks':>8}{'failed':>8}")
    kinds = collections.defaultdict(list)
    for row in rows:
        kinds[row["kind"]].append(row)
    for kind, mine in [*sorted(kinds.items()), ("all", rows)]:
        good = [row for row in mine if row["status"] == "ready"]
        times = [row["seconds"] for row in good] or [0]
        size = sum(row["bytes"] for row in good) / 1e6
        text = sum(row["text_chars"] for row in good) / 1e6
        print(f"{kind:8}{len(mine):6}{size:8.2f}{text:9.2f}{sum(times):9.1f}{sum(times) / size if size else 0:8.2f}"
              f"{statistics.median(times):10.3f}{max(times):11.2f}{sum(row['chunks'] for row in good):8}{len(mine) - len(good):8}")
    for row in rows:
        if row["status"] != "ready":
            print(f"  {row['file']}: {row['status']}: {row['reason']}")


def normal(text):
    return " ".join(text.casefold().split())


def answers(question):
    given = question["answer"]
    return [normal(it) for it in ([given] if isinstance(given, str) else given)]


def ask_all(client, instance, questions):
    asked = []
    for question in questions:
        wanted = answers(question)
        query = urllib.parse.urlencode({"q": question["query"], "k": HITS})
        begun = time.perf_counter()
        hits = client.ask("GET", f"/instances/{instance}/knowledge-base/search?{query}")["hits"]
        took = time.perf_counter() - begun
        ranks = [rank for rank, hit in enumerate(hits, 1) if any(it in normal(hit["text"]) for it in wanted)]
        name = question["source"].rsplit("/")[-1]
        in_source = [rank for rank, hit in enumerate(hits, 1) if hit["citation"]["file_name"] == name]
        asked.append({
            **question, "rank": ranks[0] if ranks else None, "source_rank": in_source[0] if in_source else None, "seconds": took,
            "hits": [{"file": hit["citation"]["file_name"], "chunk": hit["chunk"], "score": hit["score"], "text": hit["text"]} for hit in hits],
        })
    return asked


def figures(asked):
    ranks = [it["rank"] for it in asked]
    share = lambda best: sum(rank is not None and rank <= best for rank in ranks) / len(ranks)
    return {"questions": len(ranks), "recall@1": share(1), "recall@5": share(5), "recall@10": share(10),
            "mrr@10": sum(1 / rank for rank in ranks if rank) / len(ranks)}


def table_of_answers(asked):
    groups = {"all": asked}
    for key in ("language", "kind"):
        for value in sorted({it[key] for it in asked}):
            groups[f"{key} {value}"] = [it for it in asked if it[key] == value]
    for kind in sorted({it["source"].split("/")[0] for it in asked}):
        groups[f"format {kind}"] = [it for it in asked if it["source"].startswith(f"{kind}/")]
    print(f"{'':20}{'questions':>10}{'recall@1':>10}{'recall@5':>10}{'recall@10':>11}{'MRR@10':>8}")
    result = {}
    for name, mine in groups.items():
        row = result[name] = figures(mine)
        print(f"{name:20}{row['questions']:10}{row['recall@1']:10.3f}{row['recall@5']:10.3f}{row['recall@10']:11.3f}{row['mrr@10']:8.3f}")
    return result


def one_line(text):
    return " ".join(text.split())[:100]


def missed(asked):
    poor = [it for it in asked if not it["rank"] or it["rank"] > 5]
    print(f"\n{len(poor)} questions without their answer among the first 5 (rank of the answer, of the source's first piece):")
    for it in poor:
        print(f"  {it['id']} {it['kind']}: {it['query']}")
        print(f"      answer {it['rank'] or '–'}, source {it['source_rank'] or '–'}  {it['source']}")
        first = it["hits"][0] if it["hits"] else None
        print(f"      first: {first['file']} #{first['chunk']}: {one_line(first['text'])}" if first else "      nothing was found")


def remembered():
    return json.loads(MEMORY.read_text()) if MEMORY.exists() else {}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", default="http://127.0.0.1:8010")
    parser.add_argument("--corpus", type=pathlib.Path, default=TARGET / "knowledge-corpus")
    parser.add_argument("--questions", type=pathlib.Path, default=HERE / "questions.json")
    parser.add_argument("--json", type=pathlib.Path, help="where all figures and hits are written to")
    parser.add_argument("--instance", help="one that was filled before, or `last`: nothing is uploaded")
    options = parser.parse_args()
    questions = json.loads(options.questions.read_text())["questions"]

    memory, rows = remembered(), []
    if options.instance:
        instance = memory["last"][options.base] if options.instance == "last" else options.instance
        client = Client(options.base, memory["users"][instance])
    else:
        if not options.corpus.is_dir():
            sys.exit(f"there is no {options.corpus}: benches/knowledge/corpus.py makes it")
        client = Client(options.base)
        instance = make_instance(client)
        memory.setdefault("users", {})[instance] = client.user
        memory.setdefault("last", {})[options.base] = instance
        MEMORY.write_text(json.dumps(memory))
        print(f"instance {instance}", flush=True)
        rows = fill(client, instance, options.corpus)
        table_of_files(rows)
        print()
    asked = ask_all(client, instance, questions)
    result = table_of_answers(asked)
    missed(asked)
    if options.json:
        options.json.write_text(json.dumps({"instance": instance, "files": rows, "figures": result, "questions": asked}, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
