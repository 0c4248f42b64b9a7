"""The work shared among the workers of Dask: the same result, whatever dies meanwhile."""

import json
import os
import random
import signal
import threading
import time
from types import SimpleNamespace

import dask
import pytest
from distributed import LocalCluster
from inference.conftest import TEXTS, Importing

from seqpipe.errors import ConfigError
from seqpipe.inference import Predictor, Reading, Records, _cluster, predict_to_file


def to_file(predictor, path, output, **settings):
    quiet = {"on_done": lambda done: None, "on_kept": lambda count: None}
    return predict_to_file(predictor, Records([str(path)], Reading()), output, **quiet, **settings)


def write(file, texts):
    rows = [{"id": number, "text": text} for number, text in enumerate(texts)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def ids_of(file):
    return [json.loads(line)["id"] for line in file.read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_workers_that_are_killed_lose_nothing_and_poison_is_named(make_deadly, tmp_path):
    texts = [f"wave {n}" for n in range(3000)]
    texts[1234] = "die"
    write(tmp_path / "texts.jsonl", texts)
    over = threading.Event()
    # As few deaths as can be told from chance, so that the test ends soon.
    settings = {"distributed.scheduler.allowed-failures": 1, "distributed.logging.distributed": 50}
    with (
        dask.config.set(settings),
        LocalCluster(2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster,
    ):

        def kill_now_and_then():
            # A worker takes seconds to start: not so often that none gets anything done.
            for _ in range(3):
                if over.wait(5):
                    return
                alive = [nanny.process for nanny in cluster.workers.values() if nanny.process]
                pids = [each.process.pid for each in alive if each.process and each.process.pid]
                if pids:
                    os.kill(random.choice(pids), signal.SIGKILL)

        killer = threading.Thread(target=kill_now_and_then)
        killer.start()
        try:
            failed = to_file(
                Importing(make_deadly),
                tmp_path / "texts.jsonl",
                tmp_path / "out.jsonl",
                cluster=cluster.scheduler_address,
            )
        finally:
            over.set()
            killer.join()
    assert ids_of(tmp_path / "out.jsonl") == [n for n in range(3000) if n != 1234]
    (bad,) = [json.loads(line) for line in failed.read_text().splitlines()]
    assert (bad["id"], bad["reason"]) == (1234, "it ended each worker that predicted for it")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_local_cluster_writes_what_one_process_writes(classifier, tmp_path):
    write(tmp_path / "texts.jsonl", [f"{TEXTS[n % 4]} {n}" if n % 50 else "" for n in range(1000)])
    for name, settings in (("one", {}), ("cluster", {"cluster": "local:2"})):
        to_file(
            Predictor(classifier), tmp_path / "texts.jsonl", tmp_path / f"{name}.jsonl", **settings
        )
    one, cluster = ((tmp_path / f"{name}.jsonl").read_bytes() for name in ("one", "cluster"))
    assert one == cluster
    errors = [(tmp_path / f"{n}.jsonl.errors.jsonl").read_bytes() for n in ("one", "cluster")]
    assert errors[0] == errors[1]


@pytest.mark.parametrize("address", ["local:", "local:0", "local:many"])
def test_address_without_a_number_of_workers_is_an_error(classifier, tmp_path, address):
    write(tmp_path / "texts.jsonl", ["wave"])
    with pytest.raises(ConfigError, match="write such as local:4"):
        to_file(
            Predictor(classifier), tmp_path / "texts.jsonl", tmp_path / "x.jsonl", cluster=address
        )


class Scheduler:
    """A cluster as its client sees it."""

    def __init__(self, *counts):
        self.counts = list(counts)
        self.over = threading.Event()

    def scheduler_info(self, n_workers):
        count = self.counts.pop(0)
        if not self.counts:
            self.over.set()
            self.counts.append(count)
        return {"workers": dict.fromkeys(range(count))}


def told_of(monkeypatch, scheduler, address="tcp://10.0.0.1:8786"):
    monkeypatch.setattr(_cluster, "_PATIENCE", 0.01)
    monkeypatch.setattr(_cluster, "_AGAIN", 0.02)
    told = []
    with _cluster._telling(scheduler, address, told.append):
        scheduler.over.wait(10 if not address.startswith("local") else 0.05)
    return told


def test_cluster_without_workers_is_told_of_each_time_it_has_waited(monkeypatch):
    told = told_of(monkeypatch, Scheduler(0, 0, 1, 0, 0, 1))
    assert len(told) == 3
    assert "tcp://10.0.0.1:8786 has had no workers" in told[0]
    assert "`dask worker tcp://10.0.0.1:8786`" in told[0]


def test_cluster_that_lost_its_workers_goes_on_with_new_ones(monkeypatch):
    (told,) = told_of(monkeypatch, Scheduler(1, 0, 0, 1))
    assert "the work goes on when one is there" in told


def test_scheduler_that_does_not_answer_keeps_nobody_waiting(monkeypatch):
    asked, answering = threading.Event(), threading.Event()

    class Silent:
        def scheduler_info(self, n_workers):
            asked.set()
            answering.wait(30)
            raise OSError

    monkeypatch.setattr(_cluster, "_PATIENCE", 0.01)
    monkeypatch.setattr(_cluster, "_AT_THE_END", 0.01)
    with _cluster._telling(Silent(), "tcp://10.0.0.1:8786", print):
        assert asked.wait(10)
    # It's left while nothing has answered yet.
    assert not answering.is_set()
    answering.set()


def test_cluster_with_workers_or_of_this_machine_is_not_told_of(monkeypatch):
    assert told_of(monkeypatch, Scheduler(1, 2, 1)) == []
    assert told_of(monkeypatch, Scheduler(0, 0), "local:2") == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_work_waits_for_workers_and_says_so(classifier, tmp_path, monkeypatch):
    monkeypatch.setattr(_cluster, "_PATIENCE", 0.2)
    write(tmp_path / "texts.jsonl", TEXTS)
    told = []
    with LocalCluster(
        n_workers=0, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as cluster:

        def notice(text):
            told.append(text)
            cluster.scale(1)

        predictor, output = Predictor(classifier), tmp_path / "out.jsonl"
        address = cluster.scheduler_address
        to_file(predictor, tmp_path / "texts.jsonl", output, cluster=address, on_notice=notice)
    assert ids_of(output) == [0, 1, 2, 3]
    assert len(told) == 1 and f"{address} has had no workers" in told[0]


class Spawning:
    """A cluster here whose first two workers die while they start."""

    def __init__(self):
        self.worker_spec, self.workers, self.over = {}, {}, threading.Event()

    def scale(self, count):
        while len(self.worker_spec) < count:
            number = len(self.workers)
            name = "failed" if number < 2 else "running"
            self.worker_spec[number] = None
            self.workers[number] = SimpleNamespace(status=SimpleNamespace(name=name))
        if sum(each.status.name == "running" for each in self.workers.values()) == 2:
            self.over.set()


def test_workers_that_die_while_they_start_are_replaced(monkeypatch):
    monkeypatch.setattr(_cluster, "_REFILL", 0.01)
    cluster = Spawning()
    with _cluster._refilling(cluster, 2):
        assert cluster.over.wait(10)
        time.sleep(0.05)
    assert sorted(cluster.worker_spec) == [2, 3]
    assert len(cluster.workers) == 4


def test_workers_here_that_never_start_are_told_of(monkeypatch):
    monkeypatch.setattr(_cluster, "_PATIENCE_AT_THE_START", 0.01)
    monkeypatch.setattr(_cluster, "_AGAIN", 0.02)
    scheduler = Scheduler(0, 0)
    told = []
    with _cluster._telling(scheduler, "local:2", told.append):
        assert scheduler.over.wait(10)
        time.sleep(0.1)
    assert "local:2 has had no workers" in told[0]
    assert "`--workers 1` in the place of --cluster shows why" in told[0]
