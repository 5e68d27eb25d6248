"""Opens IMAP connections over TLS, puts each into IDLE, and keeps them until its input ends.

    idle.py PORT ACCOUNT PASSWORD COUNT FILE     FILE is made when all of them are idle
"""
import socket
import ssl
import sys

port, account, password, count, file = sys.argv[1:]
context = ssl._create_unverified_context()
connections = []
for _ in range(int(count)):
    connection = context.wrap_socket(socket.create_connection(("127.0.0.1", int(port))))
    answers = connection.makefile("rb")
    connection.sendall(b"a LOGIN %s %s\r\nb SELECT INBOX\r\n" % (account.encode(), password.encode()))
    while not (line := answers.readline()).startswith(b"b "):
        assert line and not line.startswith((b"a NO", b"a BAD")), line
    connection.sendall(b"c IDLE\r\n")
    assert answers.readline().startswith(b"+ ")
    connections.append(connection)
open(file, "w").close()
sys.stdin.read()
