"""Something at a node's address that is none, or one gone mad; and doors in front of a node: TLS, SOCKS5."""

import http.server
import json
import socket
import ssl
import subprocess
import threading


class BadNode:
    """Answers every call with what `answer(method, params)` returns: (status, body), or None to stay silent."""

    def __init__(self, answer):
        self.calls = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(handler):
                request = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
                self.calls.append(request["method"])
                answered = answer(request["method"], request["params"])
                if answered is None:
                    handler.close_connection = True
                    handler.rfile.read(1)  # until the other side hangs up
                    return
                status, body = answered
                try:
                    handler.send_response(status)
                    handler.send_header("Content-Length", str(len(body)))
                    handler.end_headers()
                    handler.wfile.write(body)
                except OSError:
                    pass  # it had enough

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"solo+http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def pump(source, sink):
    """Passes bytes on until one side has enough."""
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        end.close()


class Door:
    """Listens on a loopback port; what comes through `enter` goes on to where that leads."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(plain,), daemon=True).start()

    def _pass_on(self, plain):
        try:
            outer, inner = self.enter(plain)
        except OSError:
            plain.close()
            return
        threading.Thread(target=pump, args=(inner, outer), daemon=True).start()
        pump(outer, inner)

    def close(self):
        self.listener.close()


class TlsDoor(Door):
    """Takes TLS and passes on what is inside."""

    def __init__(self, folder, inside):
        self.certificate = folder / "door.pem"
        key = folder / "door.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=door",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", self.certificate],
                       check=True, capture_output=True)
        self.inside = inside
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, key)
        super().__init__()
        self.url = f"solo+https://127.0.0.1:{self.port}"

    def enter(self, plain):
        outer = self.context.wrap_socket(plain, server_side=True)
        return outer, socket.create_connection(("127.0.0.1", self.inside))


class SocksDoor(Door):
    """A SOCKS5 proxy (RFC 1928, 1929) that leads every name to one port here; it notes names and users."""

    def __init__(self, inside):
        self.inside = inside
        self.names, self.users = [], []
        super().__init__()
        self.url = f"socks5://127.0.0.1:{self.port}"

    @staticmethod
    def _text(stream):
        return stream.read(stream.read(1)[0]).decode()

    def enter(self, plain):
        stream = plain.makefile("rb", buffering=0)
        _, methods = stream.read(2)
        assert 2 in stream.read(methods)
        plain.sendall(b"\5\2")
        stream.read(1)
        self.users.append((self._text(stream), self._text(stream)))
        plain.sendall(b"\1\0")
        assert stream.read(4) == b"\5\1\0\3", "a name, not looked up"
        self.names.append((self._text(stream), int.from_bytes(stream.read(2), "big")))
        plain.sendall(b"\5\0\0\1" + bytes(6))
        return plain, socket.create_connection(("127.0.0.1", self.inside))
