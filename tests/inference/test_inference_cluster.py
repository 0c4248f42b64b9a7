"""The work shared among the workers of Dask: the same result, whatever dies meanwhile."""

import json
import os
import random
import signal
import threading

import dask
import pytest
from distributed import LocalCluster
from inference.conftest import TEXTS, Importing

from seqpipe.errors import ConfigError
from seqpipe.inference import Predictor, Reading, Records, predict_to_file


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
