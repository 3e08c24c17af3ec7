"""Something at a node's address that is none, or one gone mad; and a door with TLS in front of a node."""

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


class TlsDoor:
    """Takes TLS on a loopback port and passes on what is inside."""

    def __init__(self, folder, port):
        self.certificate = folder / "door.pem"
        key = folder / "door.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=door",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", self.certificate],
                       check=True, capture_output=True)
        self.inside = port
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"solo+https://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._serve, args=(context,), daemon=True).start()

    def _serve(self, context):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(context, plain), daemon=True).start()

    def _pass_on(self, context, plain):
        try:
            outer = context.wrap_socket(plain, server_side=True)
            inner = socket.create_connection(("127.0.0.1", self.inside))
        except OSError:
            plain.close()
            return
        threading.Thread(target=self._pump, args=(inner, outer), daemon=True).start()
        self._pump(outer, inner)

    @staticmethod
    def _pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            end.close()

    def close(self):
        self.listener.close()
