#!/usr/bin/env python3
"""A provider of embeddings for measuring: OpenAI's protocol over a small model that comes as a Python package, needs no key and no GPU.

    python3 -m venv /tmp/embeddings && /tmp/embeddings/bin/pip install wordllama==0.3.9
    /tmp/embeddings/bin/python benches/knowledge/embedding_server.py 4499

WordLlama is the token table of a large model, averaged: 256 dimensions, mostly English, 16 MB. What it gains is the least that a real
model gains.
"""

import json
import pathlib
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import wordllama

# The package looks for its tokenizer under another name than it brings it by, and would fetch it.
HOME = pathlib.Path(wordllama.__file__).parent
if not (HOME / "tokenizer").exists():
    (HOME / "tokenizer").symlink_to("tokenizers")
MODEL = wordllama.WordLlama.load()


class Provider(BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        vectors = MODEL.embed(request["input"])
        data = [{"index": index, "embedding": vector.tolist()} for index, vector in enumerate(vectors)]
        body = json.dumps({"object": "list", "data": data, "model": request["model"]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Provider).serve_forever()
