"""An echo server that is honest up to one byte of every connection's stream, and then is not.

Started as `lying_echo.py LIE BYTE --fd N`, where BYTE counts from 0 over all that the connection
sent. Lies: flips, drops or doubles that byte, closes or resets the connection in its place; or
keeps the connection open when its client's FIN comes, wherever that is.
"""

from __future__ import annotations

import socket
import struct
import sys
import threading


def lie(kind: str, data: bytes, at: int) -> tuple[bytes, bool]:
    """Return what is sent in place of `data`, and whether the connection goes on after it."""
    before, byte, after = data[:at], data[at : at + 1], data[at + 1 :]
    if kind == "flips":
        return before + bytes([byte[0] ^ 1]) + after, True
    if kind == "drops":
        return before + after, True
    if kind == "doubles":
        return before + byte + byte + after, True
    if kind == "keeps":
        return data, True
    return before, False


def echo(connection: socket.socket, kind: str, byte: int) -> None:
    """Serve one connection to its end."""
    seen = 0
    with connection:
        while data := connection.recv(65536):
            goes_on, reply = True, data
            if seen <= byte < seen + len(data):
                reply, goes_on = lie(kind, data, byte - seen)
            seen += len(data)
            connection.sendall(reply)
            if not goes_on:
                break
        if kind == "keeps":
            threading.Event().wait()
        if kind == "resets":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def main() -> None:
    """Serve until killed."""
    kind, byte, fd = sys.argv[1], int(sys.argv[2]), int(sys.argv[4])
    listener = socket.socket(fileno=fd)
    print("READY", flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=echo, args=(connection, kind, byte), daemon=True).start()


if __name__ == "__main__":
    main()
