"""A real browser, driven by its DevTools protocol."""

import contextlib
import itertools
import json
import re
import shutil
import subprocess
import time

from websockets.sync.client import connect

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def find_browser():
    """Return the path of a browser; None if there's none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@contextlib.contextmanager
def browsing(program, folder):
    """Start a browser, whose path and folder for its profile are given, and yield it."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    command = [program, *options, "--remote-debugging-port=0", f"--user-data-dir={folder}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            with connect(_address(process.stderr), max_size=None, compression=None) as socket:
                yield Browser(socket)
        finally:
            process.kill()


def _address(lines):
    for line in lines:
        if found := re.search(r"DevTools listening on (ws://\S+)", line):
            return found[1]
    raise AssertionError("the browser has ended")


class Browser:
    """A browser with one page.

    Args:
        socket: What it's driven by.

    Attributes:
        events: What it has told without being asked.
    """

    def __init__(self, socket):
        self.events = []
        self._numbers = itertools.count(1)
        self._session = None
        self._socket = socket
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method, **parameters):
        """Return what the browser answers."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._socket.send(json.dumps(message))
        while True:
            found = json.loads(self._socket.recv(timeout=30))
            if found.get("id") == number:
                assert "error" not in found, found
                return found["result"]
            self.events.append(found)

    def run(self, script):
        """Return the value of an expression."""
        found = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait_for(self, script):
        """Wait until an expression is true."""
        deadline = time.monotonic() + 30
        while not self.run(script):
            assert time.monotonic() < deadline, f"{script}\n{self.run('document.body.innerText')}"
            time.sleep(0.05)

    def open(self, url):
        """Load a page."""
        self.send("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete' && location.href !== 'about:blank'")

    def press(self, key, code, text="", modifiers=0):
        """Press a key."""
        settings = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **settings)
        self.send("Input.dispatchKeyEvent", type="keyUp", **settings)

    def type(self, text):
        """Write where the focus is."""
        self.send("Input.insertText", text=text)

    def prefers(self, scheme):
        """Have pages shown light or dark."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.send("Emulation.setEmulatedMedia", features=[feature])
