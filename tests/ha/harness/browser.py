"""Headless Chromium over the WebDriver protocol: open a page, read what it shows, take its picture."""

import base64
import json
import pathlib
import shutil
import tempfile
import urllib.error
import urllib.request

from .program import Program, free_port
from .waiting import wait_for

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--force-color-profile=srgb"]

# Web components keep their text in shadow trees, which the page's own innerText leaves out.
VISIBLE_TEXT = """
const words = [];
(function walk(node) {
  if (node.nodeType === Node.TEXT_NODE) { words.push(node.textContent.trim()); return; }
  if (node.nodeName === 'STYLE' || node.nodeName === 'SCRIPT') return;
  if (node.nodeName === 'SLOT' && node.assignedNodes().length) return;
  for (const child of (node.shadowRoot || node).childNodes) walk(child);
  if (node.shadowRoot) for (const child of node.childNodes) walk(child);
})(document.body);
return words.filter(Boolean).join(' ');
"""

STANDS_STILL = """
return document.fonts.status === 'loaded' && document.readyState === 'complete'
    && document.getAnimations().every(a => a.playState !== 'running');
"""


class Browser:
    def __init__(self, width=900, height=700, scale=2):
        self._profile = tempfile.mkdtemp(prefix="heatbridge-chromium-")
        port = free_port()
        self._driver = Program("chromedriver", ["chromedriver", f"--port={port}"]).start()
        self._base = f"http://127.0.0.1:{port}"
        try:
            self._driver.wait_listening(port)
            options = {"args": [*FLAGS, f"--user-data-dir={self._profile}"]}
            session = self._ask("POST", "/session", {
                "capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}})
            self._base += "/session/" + session["sessionId"]
            # The window's size would count a frame that nobody sees.
            self._ask("POST", "/goog/cdp/execute", {
                "cmd": "Emulation.setDeviceMetricsOverride",
                "params": {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}})
        except BaseException:
            self._end()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        try:
            self._ask("DELETE", "")
        finally:
            self._end()

    def _end(self):
        self._driver.stop()
        shutil.rmtree(self._profile, ignore_errors=True)

    def _ask(self, method, path, body=None):
        request = urllib.request.Request(self._base + path, method=method,
                                         data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"browser: {json.load(error)['value']['message']}") from error

    def open(self, url):
        self._ask("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def text(self):
        return self.run(VISIBLE_TEXT)

    def wait_text(self, *wanted, timeout=30.0):
        try:
            return wait_for(lambda: all(w in self.text() for w in wanted), "", timeout)
        except AssertionError:
            raise AssertionError(f"after {timeout:g} s the page lacks some of {wanted}:\n{self.text()}") from None

    def picture(self, path):
        """Saves what is shown once animations are over; figures may go on changing every second."""
        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        wait_for(lambda: self.run(STANDS_STILL), "the page's fonts are there and its animations over", 30)
        self._ask("GET", "/screenshot")     # makes it draw what has come late
        shot = self._ask("GET", "/screenshot")
        path.write_bytes(base64.b64decode(shot))
