"""A headless browser, controlled by its debugging protocol, in which tests use pages like a person."""

import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--mute-audio"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-port=0"),
)
COMPLAINTS = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")

# `new Audio()` puts no element into the document, so keep each one here
WATCHED = """
window.made = [];
window.Audio = new Proxy(Audio, { construct(target, given) {
  const audio = Reflect.construct(target, given);
  window.made.push(audio);
  return audio;
} });
window.open_ones = () => made.filter((audio) => audio.getAttribute("src"));
window.spread = () => {
  const times = open_ones().map((audio) => audio.currentTime);
  return Math.max(...times) - Math.min(...times);
};
"""


class Browser:
    """A page in a browser, by its debugging protocol."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._asked = 0
        self.complaints: list[dict[str, Any]] = []

    def ask(self, method: str, **params: object) -> dict[str, Any]:
        """Call a method of the protocol, keeping the events that arrive before its answer."""
        self._asked += 1
        self._socket.send(json.dumps({"id": self._asked, "method": method, "params": params}))
        while (message := json.loads(self._socket.recv(60))).get("id") != self._asked:
            if message["method"] in COMPLAINTS:
                self.complaints.append(message["params"])
        assert "error" not in message, message
        result: dict[str, Any] = message["result"]
        return result

    def run(self, script: str) -> Any:
        """Return the value of a line of JavaScript."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, script: str) -> None:
        """Wait until a line of JavaScript is true."""
        end = time.monotonic() + 30
        while not self.run(script):
            assert time.monotonic() < end, f"never came true: {script}"
            time.sleep(0.05)

    def click(self, selector: str, share: float = 0.5, count: int = 1) -> None:
        """Scroll to an element and click it with the mouse, at `share` of its width."""
        element = f"document.querySelector({json.dumps(selector)})"
        self.run(f"{element}.scrollIntoView({{ block: 'nearest', behavior: 'instant' }})")
        box = self.run(f"{element}.getBoundingClientRect().toJSON()")
        place = {"x": box["left"] + box["width"] * share, "y": box["top"] + box["height"] / 2, "button": "left"}
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, clickCount=count, **place)

    def press(self, key: str) -> None:
        """Press a key."""
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        self.ask("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, **text)
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key, code=key)

    def text(self, selector: str) -> str:
        """Return the text of the first element that matches."""
        return str(self.run(f"document.querySelector({json.dumps(selector)}).textContent"))


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Start a headless browser that ends with the block; skips the test without a browser."""
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no chromium is installed, so no page can be tried in a browser")
    client = pytest.importorskip("websockets.sync.client", reason="the package websockets is not installed")
    command = [program, *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            with client.connect(_address(profile, process), max_size=None) as socket:
                yield Browser(socket)
        finally:
            process.terminate()


def _address(profile: Path, process: subprocess.Popen[bytes]) -> str:
    """Return the address of the browser's first page, once it has one."""
    port, end = profile / "DevToolsActivePort", time.monotonic() + 60
    while not (port.is_file() and port.read_text(encoding="utf-8").strip()):
        assert process.poll() is None, "the browser did not start"
        assert time.monotonic() < end, "the browser does not answer"
        time.sleep(0.05)
    number = port.read_text(encoding="utf-8").split()[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{number}/json", timeout=30) as answer:
        pages = [page for page in json.load(answer) if page["type"] == "page"]
    return str(pages[0]["webSocketDebuggerUrl"])
