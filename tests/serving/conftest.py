"""Models that are served, in this process and in others."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest
import spacy

from seqpipe.serving import Limits, ServerSettings
from seqpipe.serving._app import build_app
from seqpipe.serving._host import Host
from seqpipe.serving._model import load_model

ROOT = Path(__file__).parents[2]
SAVED = ROOT / "tests" / "saved_models"


@pytest.fixture(scope="session")
def classifier():
    """Return a model of two classes, sea and wood."""
    return SAVED / "text-classifier"


@pytest.fixture(scope="session")
def gazetteer(tmp_path_factory):
    """Return a model whose entities come from rules."""
    folder = tmp_path_factory.mktemp("gazetteer") / "model"
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "CITY", "pattern": "Paris"}])
    nlp.to_disk(folder)
    return folder


@contextlib.asynccontextmanager
async def hosted(settings):
    """Serve in this process, and yield the host and a client."""
    host = Host(settings)
    transport = httpx.ASGITransport(app=build_app(host), raise_app_exceptions=False)
    await host.start()
    if host.failure:
        raise host.failure
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield host, client
    finally:
        await host.stop()


@pytest.fixture(scope="session")
def loaded():
    """The models that are loaded, by the settings of their servers."""
    return {}


@pytest.fixture
def ask(classifier, loaded, monkeypatch):
    """Return a function that sends one request to a server of this process, and returns the response.

    A model of the same settings is loaded once.
    """

    def load(settings):
        name = repr(settings)
        if name not in loaded:
            loaded[name] = load_model(settings)
        return loaded[name]

    monkeypatch.setattr("seqpipe.serving._host.load_model", load)

    def send(method, path, *, model=classifier, limits=None, token=None, options=None, **request):
        async def asking():
            settings = ServerSettings(
                str(model), options or {}, limits=limits or Limits(), token=token
            )
            async with hosted(settings) as (_, client):
                return await client.request(method, path, **request)

        return asyncio.run(asking())

    return send


class Server:
    """``seqpipe serve`` in a process of its own.

    Attributes:
        url: Where it is.
        process: The process.
    """

    def __init__(self, model, *options, token=None):
        settings = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        kept = {name: text for name, text in os.environ.items() if name != "SEQPIPE_TOKEN"}
        env = {**kept, **settings, **({"SEQPIPE_TOKEN": token} if token else {})}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "seqpipe", "serve", str(model), "--port", "0", *options],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._errors = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        line = self.process.stdout.readline()
        found = re.search(r" at (http://\S+)$", line)
        assert found, (line, self.end())
        self.url = found[1]
        self.port = int(self.url.rpartition(":")[2])

    def _read(self):
        self._errors += self.process.stderr

    @property
    def errors(self):
        return "".join(self._errors)

    def send(self, number):
        self.process.send_signal(number)

    def end(self, number=signal.SIGTERM):
        """Stop it, and return its exit code and what it wrote on standard error."""
        if self.process.poll() is None:
            self.send(number)
        try:
            code = self.process.wait(60)
        finally:
            self.process.kill()
        self._reader.join(10)
        self.process.stdout.close()
        self.process.stderr.close()
        return code, self.errors


@pytest.fixture
def start():
    """Return a function that starts servers, which end with the test."""
    with contextlib.ExitStack() as stack:

        def begin(*arguments, **settings):
            server = Server(*arguments, **settings)
            stack.callback(lambda: server.process.returncode is None and server.end())
            return server

        yield begin


@pytest.fixture(scope="module")
def server(classifier):
    """A server with small limits, which the tests of a module share."""
    options = ["--patience", "2", "--max-body", "100000", "--timeout", "20"]
    server = Server(classifier, *options)
    yield server
    assert server.end()[0] == 0
