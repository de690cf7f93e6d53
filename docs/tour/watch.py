#!/usr/bin/env python3
"""Watches your events on a WebSocket and prints one line for each.

    TOKEN=<access token> python3 docs/tour/watch.py [SINCE]

SINCE is a position: with it, what you have missed comes first. Standard library only: RFC 6455 is short.
"""

import base64
import hashlib
import json
import os
import socket
import struct
import sys

HOST, PORT = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8010"))
# The constant that RFC 6455 has the server append to our key.
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA


def connect(token, since):
    """Opens the socket: an HTTP request that the server answers with 101. From then on it carries frames."""
    key = base64.b64encode(os.urandom(16))
    query = f"?since={since}" if since else ""
    stream = socket.create_connection((HOST, PORT)).makefile("rwb")
    stream.write(
        f"GET /api/v1/ws{query} HTTP/1.1\r\nHost: {HOST}:{PORT}\r\nAuthorization: Bearer {token}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {key.decode()}\r\n\r\n".encode()
    )
    stream.flush()
    status = stream.readline().decode().strip()
    headers = dict(line.split(": ", 1) for line in iter(lambda: stream.readline().decode().strip(), ""))
    headers = {name.lower(): value for name, value in headers.items()}
    if " 101 " not in status:
        sys.exit(f"{status}\n{stream.read(int(headers.get('content-length', 0))).decode()}")
    assert headers["sec-websocket-accept"] == base64.b64encode(hashlib.sha1(key + MAGIC).digest()).decode()
    return stream


def receive(stream):
    """The next frame: its kind and its bytes. The server sends each message in one frame, and masks none."""
    try:
        head = stream.read(2)
    except ConnectionError:
        head = b""
    if len(head) < 2:
        return CLOSE, b""
    kind, length = head[0] & 0x0F, head[1] & 0x7F
    if length == 126:
        (length,) = struct.unpack("!H", stream.read(2))
    elif length == 127:
        (length,) = struct.unpack("!Q", stream.read(8))
    return kind, stream.read(length)


def send(stream, kind, payload):
    """Sends a frame of at most 125 bytes. Clients must mask what they send."""
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    stream.write(bytes([0x80 | kind, 0x80 | len(payload)]) + mask + masked)
    stream.flush()


def show(frame):
    """An event in one line; whatever else the server says as it is."""
    if frame["type"] != "event":
        return json.dumps(frame)
    data = frame["data"]
    facts = [data.get("status"), data.get("status_reason"), data.get("revision") and f"revision {data['revision']}"]
    line = f"{frame['position']:>5}  {frame['event']:<23} {'  '.join(fact for fact in facts if fact)}"
    return line.rstrip()


def main():
    stream = connect(os.environ["TOKEN"], sys.argv[1] if len(sys.argv) > 1 else None)
    while True:
        kind, payload = receive(stream)
        if kind == TEXT:
            print(show(json.loads(payload)), flush=True)
        elif kind == PING:
            send(stream, PONG, payload)
        elif kind == CLOSE:
            code = struct.unpack("!H", payload[:2])[0] if payload else "no code"
            return print(f"closed ({code})")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
