#!/usr/bin/env python3
"""How long a search takes with many chunks in the database.

    benches/knowledge/latency.py                       # 100,000 chunks in one knowledge base
    benches/knowledge/latency.py --bases 100           # 1,000 in each of 100
    benches/knowledge/latency.py --reuse 1             # asks again what was filled, by its number of bases
    … --explain LOG                                    # plans of a slow question, out of Postgres's log file

The chunks are those of measure.py's last instance, once as they are and then as often as needed with words varied: of six words one is
another of the same language, as often as it stands in the corpus, and one in sixty is new. They are written by plain SQL, as the
superuser. The questions are those of questions.json, over connections that are kept. A user may make only so many requests in a
minute (`rate_limits.user_max`): answers of 429 are counted, and not timed.
"""

import argparse
import collections
import http.client
import itertools
import json
import math
import pathlib
import random
import re
import subprocess
import sys
import threading
import time
import unicodedata
import urllib.parse

import measure

FILLED = measure.TARGET / "knowledge-latency.json"
PER_ENTRY = 250


def psql(url, script, **options):
    return subprocess.run(["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", url], input=script, text=True, check=True,
                          stdout=subprocess.PIPE, **options).stdout


def escaped(text):
    """For COPY."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


def originals(url, instance):
    """Chunks of what was measured: language, headings (as an array's literal), content."""
    rows = psql(url, f"""
        SELECT json_build_array(c.lang, c.headings::text, c.content)
        FROM knowledge_base_chunks c JOIN knowledge_bases kb ON kb.id = c.knowledge_base_id
        WHERE kb.instance_id = '{instance}' ORDER BY c.entry_id, c.number""")
    return [json.loads(line) for line in rows.splitlines()]


WORD = re.compile(r"[^\W\d_]+")
SYLLABLES = ["ba", "cor", "del", "fi", "gra", "lo", "men", "no", "per", "qui", "ra", "sol", "ti", "ver"]


def varied(chunk, words, chance):
    lang, headings, content = chunk

    def other(match):
        dice = chance.random()
        if dice < 1 / 60:
            return match[0] + chance.choice(SYLLABLES)
        return chance.choice(words[lang]) if dice < 1 / 60 + 1 / 6 else match[0]

    return lang, headings, WORD.sub(other, content)


def folded(text):
    plain = unicodedata.normalize("NFD", text.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def fill(url, base_ids, chunks, total, seed=1):
    """Entries of 250 chunks of one language each, spread over the knowledge bases; one transaction for each 5,000 chunks."""
    chance = random.Random(seed)
    words = collections.defaultdict(list)
    for lang, _, content in chunks:
        words[lang] += WORD.findall(content)

    def stream():
        yield from chunks
        while True:
            yield from (varied(chunk, words, chance) for chunk in chunks)

    share = total // len(base_ids)
    source, begun, done = stream(), time.perf_counter(), 0
    for batch_of_bases in pieces(base_ids, 5):
        left = {base: share for base in batch_of_bases}
        while any(left.values()):
            copied, vocabulary, entry, taken = [], set(), 0, 0
            for base in batch_of_bases:
                count = min(left[base], max(PER_ENTRY, 5000 // len(batch_of_bases)))
                left[base] -= count
                by_lang = collections.defaultdict(list)
                for lang, headings, content in itertools.islice(source, count):
                    by_lang[lang].append((headings, content))
                    vocabulary |= {(base, word) for word in map(folded, WORD.findall(content)) if 3 < len(word) < 40}
                for lang, mine in by_lang.items():
                    for piece in pieces(mine, PER_ENTRY):
                        entry += 1
                        copied += [f"{entry}\t{base}\t{lang}\t{number}\t{escaped(headings)}\t{escaped(content)}" for number, (headings, content) in enumerate(piece)]
                taken += count
            psql(url, "\n".join([
                "BEGIN; CREATE TEMP TABLE came (entry int, base uuid, lang text, number int, headings text[], content text) ON COMMIT DROP;",
                "CREATE TEMP TABLE said (base uuid, word text) ON COMMIT DROP;",
                "COPY came FROM stdin;", *copied, "\\.",
                "COPY said FROM stdin;", *(f"{base}\t{word}" for base, word in vocabulary), "\\.",
                """CREATE TEMP TABLE made ON COMMIT DROP AS
                       SELECT entry, base, lang, uuid_v7() AS id, count(*)::int AS chunks FROM came GROUP BY entry, base, lang;
                   INSERT INTO knowledge_base_entries (id, knowledge_base_id, content, data_type, lang_hint, title)
                       SELECT id, base, 'Filled for benches/knowledge/latency.py ' || id, 'document', lang, 'Copy ' || entry FROM made;
                   INSERT INTO knowledge_base_chunks
                       (knowledge_base_id, entry_id, number, lang, headings, content, starts_at, ends_at, words)
                       SELECT made.base, made.id, number, came.lang, headings, content, number * 900, number * 900 + length(content),
                           knowledge_words(came.lang, array_to_string(headings, ' '), content)
                       FROM came JOIN made USING (entry);
                   INSERT INTO knowledge_base_words (knowledge_base_id, word)
                       SELECT DISTINCT base, word FROM said ORDER BY 1, 2 ON CONFLICT DO NOTHING;
                   UPDATE knowledge_base_entries e SET status = 'ready', chunk_count = made.chunks, indexed_lang = made.lang, indexed_hash = '\\x00', format = 'text'
                       FROM made WHERE e.id = made.id;
                   COMMIT;""",
            ]))
            done += taken
            print(f"{done:,} chunks after {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
    psql(url, "VACUUM ANALYZE knowledge_base_chunks; VACUUM ANALYZE knowledge_base_words; ANALYZE knowledge_base_entries;")


def pieces(items, size):
    for start in range(0, len(items), size):
        yield items[start : start + size]


def ask_for(seconds, concurrency, client, instances, queries):
    """Asks on so many connections at once for so long. Times in ms, and how many were refused."""
    times, refused, slowest, empty, lock = [], collections.Counter(), {}, [], threading.Lock()
    mixed = random.Random(7).sample(queries, len(queries))
    order = zip(itertools.cycle(mixed), itertools.cycle(instances))
    end = time.perf_counter() + seconds

    def work():
        link = http.client.HTTPConnection(client.address.netloc, timeout=60)
        head = {"authorization": f"Bearer {client.token}"}
        nonlocal empty
        while time.perf_counter() < end:
            with lock:
                query, instance = next(order)
            path = f"{client.address.path}/instances/{instance}/knowledge-base/search?{urllib.parse.urlencode({'q': query, 'k': 10})}"
            begun = time.perf_counter()
            link.request("GET", path, headers=head)
            answer = link.getresponse()
            body = answer.read()
            took = (time.perf_counter() - begun) * 1000
            with lock:
                if answer.status == 200:
                    times.append(took)
                    empty += [query] if body.startswith(b'{"hits":[]') else []
                    slowest[query] = max(took, slowest.get(query, 0))
                else:
                    refused[answer.status] += 1
            if answer.status in (429, 503):
                time.sleep(0.5)

    threads = [threading.Thread(target=work) for _ in range(concurrency)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(empty) > len(times) / 2:
        sys.exit(f"{len(empty)} of {len(times)} searches found nothing: what is filled is not what the service searches")
    return sorted(times), refused, slowest


def percentile(times, part):
    return times[min(len(times) - 1, math.ceil(part * len(times)) - 1)] if times else float("nan")


def explain(url, role, log, client, instance, query):
    """The plans of what the service really does: by auto_explain in its own sessions, which are begun anew for that."""
    name = url.rsplit("/", 1)[1].split("?")[0]
    settings = {"session_preload_libraries": "'auto_explain'", "auto_explain.log_min_duration": "'1ms'", "auto_explain.log_analyze": "on",
                "auto_explain.log_buffers": "on", "auto_explain.log_nested_statements": "on"}
    renew = f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{role}' AND datname = '{name}';"
    search = f"/instances/{instance}/knowledge-base/search?{urllib.parse.urlencode({'q': query, 'k': 10})}"
    psql(url, "LOAD 'auto_explain';" + "".join(f'ALTER ROLE {role} IN DATABASE "{name}" SET {key} = {value};' for key, value in settings.items()) + renew)
    try:
        time.sleep(3)
        client.ask("GET", search)  # A first time on fresh connections.
        where = pathlib.Path(log).stat().st_size
        client.ask("GET", search)
        time.sleep(0.5)
        with open(log, errors="replace") as file:
            file.seek(where)
            told = file.read()
    finally:
        psql(url, "LOAD 'auto_explain';" + "".join(f'ALTER ROLE {role} IN DATABASE "{name}" RESET {key};' for key in settings) + renew)
    # An entry of the log goes on in lines that begin with a tab.
    for entry in re.findall(r"^.*?duration: [\d.]+ ms  plan:\n(?:\t.*\n)+", told, flags=re.M):
        # Statements of searches, and what they do inside of functions; none of the readers of entries.
        if re.search("asked|knowledge_base_chunks|knowledge_base_words", entry) and not re.search("UPDATE|INSERT|DELETE", entry):
            plan_from = re.search(r"^\t[A-Z][A-Za-z ]+ +\(cost=", entry, flags=re.M)
            print(re.search(r"duration: [\d.]+ ms", entry)[0], "·", " ".join(re.search(r"^\tQuery Text: *(.{0,400})", entry, flags=re.M | re.S)[1].split())[:160])
            print(entry[plan_from.start():] if plan_from else entry)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", default="http://127.0.0.1:8010")
    parser.add_argument("--db", default="postgres://postgres@127.0.0.1:5440/shared_psql", help="shared_psql, as the superuser")
    parser.add_argument("--role", default="botberi", help="under which the service works")
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--bases", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--concurrency", type=int, nargs="*", default=[1, 8])
    parser.add_argument("--reuse", help="what was filled before, by its number of bases")
    parser.add_argument("--explain", metavar="LOG", help="Postgres's log file; ends the service's sessions twice")
    parser.add_argument("--query", help="which question is explained; without it, the slowest")
    options = parser.parse_args()
    queries = [it["query"] for it in json.loads((measure.HERE / "questions.json").read_text())["questions"]]

    key = lambda bases: f"{options.base} {bases}"
    filled = json.loads(FILLED.read_text()) if FILLED.exists() else {}
    if options.reuse:
        mine = filled[key(options.reuse)]
        client = measure.Client(options.base, mine["user"])
    else:
        client = measure.Client(options.base)
        instances = [measure.make_instance(client) for _ in range(options.bases)]
        mine = {"user": client.user, "instances": instances}
        listed = ", ".join(f"'{it}'" for it in instances)
        bases = psql(options.db, f"SELECT id FROM knowledge_bases WHERE instance_id IN ({listed})").split()
        chunks = originals(options.db, measure.remembered()["last"][options.base])
        if not chunks:
            sys.exit("nothing was measured yet: measure.py fills the instance that is copied")
        fill(options.db, bases, chunks, options.chunks)
        filled[key(options.bases)] = mine
        FILLED.write_text(json.dumps(filled))
    instances = mine["instances"]

    total = psql(options.db, "SELECT count(*), pg_size_pretty(pg_total_relation_size('knowledge_base_chunks')), pg_size_pretty(pg_relation_size('knowledge_base_chunks_words')) FROM knowledge_base_chunks").strip()
    print(f"{len(instances)} knowledge bases; all chunks in the database, with indexes, the index of words: {total}")
    ask_for(3, 2, client, instances, queries)  # Warm.
    worst = {}
    for concurrency in options.concurrency:
        client.sign_in()
        times, refused, slowest = ask_for(options.seconds, concurrency, client, instances, queries)
        worst = worst or slowest
        print(f"concurrency {concurrency}: {len(times)} searches, {len(times) / options.seconds:.0f}/s, p50 {percentile(times, 0.5):.1f} ms, "
              f"p95 {percentile(times, 0.95):.1f} ms, p99 {percentile(times, 0.99):.1f} ms, max {percentile(times, 1):.1f} ms"
              + (f"; refused: {dict(refused)}" if refused else ""))
    slow = sorted(worst.items(), key=lambda it: -it[1])
    print("slowest one by one:", *(f"\n  {took:.0f} ms  {query}" for query, took in slow[:5]))
    if options.explain:
        query = options.query or slow[0][0]
        print(f"\nplans of: {query}")
        explain(options.db, options.role, options.explain, client, instances[0], query)


if __name__ == "__main__":
    main()
