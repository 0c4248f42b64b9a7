"""A server in a process of its own: slow and hostile clients, signals, reloads under load."""

import json
import shutil
import signal
import socket
import subprocess
import threading
import time

import httpx
import pytest


@pytest.fixture
def connect(server):
    """Return a function that connects to the shared server and sends something."""
    connections = []

    def begin(data):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        connections.append(connection)
        connection.sendall(data)
        return connection

    yield begin
    for connection in connections:
        connection.close()


def everything(connection):
    """Return all that a server sends until it closes the connection."""
    found = b""
    while more := connection.recv(65536):
        found += more
    return found


HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def test_body_that_drips_is_cut_off(connect):
    connection = connect(HEAD + b"Content-Length: 1000\r\n\r\n")
    start = time.monotonic()
    try:
        while time.monotonic() < start + 20:
            connection.sendall(b" ")
            time.sleep(0.1)
    except OSError:
        pass
    assert time.monotonic() < start + 20


def test_who_stops_sending_a_body_is_told(connect):
    answer = everything(connect(HEAD + b'Content-Length: 1000\r\n\r\n"wa'))
    assert answer.startswith(b"HTTP/1.1 408") and b"within 2 s" in answer


@pytest.mark.parametrize("head", [b"", b"POST /pre", HEAD])
def test_who_sends_no_request_is_cut_off(connect, head):
    assert everything(connect(head)) == b""


def test_head_that_drips_after_an_answer_is_cut_off(connect):
    connection = connect(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    start = time.monotonic()
    try:
        while time.monotonic() < start + 20:
            connection.sendall(b"G")
            time.sleep(0.1)
            connection.settimeout(0.01)
            try:
                if connection.recv(1) == b"":
                    break
            except TimeoutError:
                connection.settimeout(20)
    except OSError:
        pass
    assert time.monotonic() < start + 20


def test_body_beyond_the_limit_is_refused_whether_it_is_announced_or_not(server):
    def pieces():
        for _ in range(40):
            yield b" " * 10_000

    headers = {"content-type": "application/json"}
    for body in (b" " * 400_000, pieces()):
        response = httpx.post(f"{server.url}/predict", content=body, headers=headers)
        assert response.status_code == 413 and "100,000 bytes" in response.json()["error"]


def test_who_asks_before_sending_too_much_is_refused_at_once(connect):
    connection = connect(HEAD + b"Content-Length: 900000000\r\nExpect: 100-continue\r\n\r\n")
    assert everything(connection).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("data", [b"\x16\x03\x01\x00\xa5\x01\r\n\r\n", b"A" * 200_000])
def test_what_is_not_http_is_refused(connect, data):
    try:
        answer = everything(connect(data))
    except ConnectionError:
        answer = b""
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")


def test_server_answers_after_all_that(server):
    response = httpx.post(f"{server.url}/predict", json=["the gull near the reef"])
    assert response.json()["predictions"][0]["prediction"]["label"] in ("sea", "wood")


class Clients:
    """Clients that ask for one thing after another until they're stopped, and note what they get.

    Attributes:
        answers: The responses.
        problems: What has failed otherwise.
    """

    def __init__(self, url, count, headers=None):
        self.answers, self.problems = [], []
        self._stopping = threading.Event()
        self._url, self._headers = url, headers
        self._threads = [threading.Thread(target=self._ask) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def _ask(self):
        with httpx.Client(headers=self._headers, timeout=60) as client:
            while not self._stopping.is_set():
                try:
                    response = client.post(f"{self._url}/predict", json=["In Paris", "wave"])
                    self.answers.append((response.status_code, response.json()))
                except Exception as error:
                    self.problems.append(error)

    def wait_for(self, count):
        aim = len(self.answers) + count
        while len(self.answers) < aim:
            time.sleep(0.02)

    def stop(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join()


def wait_until(is_so):
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def labelled(folder, label):
    """Write a model that calls Paris by a label."""
    import spacy

    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": label, "pattern": "Paris"}])
    nlp.meta["description"] = label
    new = folder.with_name("new")
    nlp.to_disk(new)
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)


def test_reloads_under_load_lose_no_request_and_a_broken_model_changes_nothing(start, tmp_path):
    model = tmp_path / "model"
    labelled(model, "OLD")
    server = start(model, token="secret")
    headers = {"authorization": "Bearer secret"}
    clients = Clients(server.url, 4, headers)
    try:
        clients.wait_for(20)
        labelled(model, "NEW")
        server.send(signal.SIGHUP)
        wait_until(lambda: "reloaded: " in server.errors)
        count = len(clients.answers)
        clients.wait_for(20)
        (model / "config.cfg").write_text("broken", encoding="utf-8")
        server.send(signal.SIGHUP)
        wait_until(lambda: "the old model stays" in server.errors)
        refused = httpx.post(f"{server.url}/reload", headers=headers, timeout=60)
        clients.wait_for(20)
    finally:
        clients.stop()
    assert refused.status_code == 500
    assert clients.problems == [] and {status for status, _ in clients.answers} == {200}
    labels = [
        found["predictions"][0]["prediction"]["entities"][0]["label"]
        for _, found in clients.answers
    ]
    assert labels[0] == "OLD" and set(labels[count + 8 :]) == {"NEW"}
    # As Ctrl-C does.
    assert server.end(signal.SIGINT)[0] == 0


def test_what_was_accepted_is_answered_before_the_end(start, classifier):
    server = start(classifier)
    body = json.dumps(["the gull near the reef " * 200] * 300).encode()
    answers = []

    def ask():
        headers = {"content-type": "application/json"}
        answers.append(
            httpx.post(f"{server.url}/predict", content=body, headers=headers, timeout=60)
        )

    asking = threading.Thread(target=ask)
    asking.start()

    def is_accepted():
        return b"seqpipe_queue_records 0.0" not in httpx.get(f"{server.url}/metrics").content

    wait_until(lambda: is_accepted() or answers)
    assert not answers
    code, _ = server.end(signal.SIGTERM)
    asking.join()
    assert code == 0
    assert len(answers[0].json()["predictions"]) == 300
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.url}/healthz")


@pytest.mark.slow
def test_processes_share_the_work_and_are_replaced(start, gazetteer):
    server = start(gazetteer, "--workers", "2", token="secret")
    headers = {"authorization": "Bearer secret"}
    assert httpx.post(f"{server.url}/reload", headers=headers, timeout=60).status_code == 200
    # By whom it was asked, and then by the other.
    wait_until(lambda: server.errors.count("reloaded: ") >= 2)
    found = subprocess.run(
        ["ps", "-ww", "--ppid", str(server.process.pid), "-o", "pid=,args="],
        capture_output=True,
        text=True,
        check=True,
    )
    children = [line.split()[0] for line in found.stdout.splitlines() if "spawn_main" in line]
    assert len(children) == 2
    subprocess.run(["kill", "-KILL", children[0]], check=True)
    wait_until(lambda: "another one takes its place" in server.errors)
    with httpx.Client(headers=headers) as client:
        for _ in range(5):
            assert client.post(f"{server.url}/predict", json="In Paris").status_code == 200
        figures = client.get(f"{server.url}/metrics").text
    assert 'seqpipe_requests_total{path="/predict",status="200"} 5.0' in figures
    assert server.end()[0] == 0
