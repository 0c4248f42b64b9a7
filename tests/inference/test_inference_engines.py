"""Engines for many machines, with the recipes of docs/engines.md: each as it's written there, where its package is installed."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest
from inference.conftest import TEXTS

from seqpipe.inference import Predictor

PAGE = Path(__file__).parents[2] / "docs" / "engines.md"


def recipe(name):
    """Return the block of Python in the section of that name."""
    section = PAGE.read_text(encoding="utf-8").partition(f"\n## {name}\n")[2]
    return section.partition("```python\n")[2].partition("```")[0]


def follow(name, classifier, folder, **names):
    """Run a recipe in a folder with texts, one of them empty, and return its names."""
    (folder / "runs" / "bbc-news").mkdir(parents=True)
    (folder / "runs" / "bbc-news" / "model-best").symlink_to(classifier)
    quoted = [f'"{text}"' for text in [*TEXTS, ""]]
    (folder / "articles.csv").write_text("text\n" + "\n".join(quoted) + "\n")
    exec(compile(recipe(name), f"{PAGE.name}: {name}", "exec"), names)
    return names


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Go to a folder, from which processes that are started find seqpipe, too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(PAGE.parents[1]))
    return tmp_path


def require(package):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f'{package} isn\'t installed; try: pip install "seqpipe[engines]"')


def expected(classifier):
    return [each["label"] for each in Predictor(classifier).predict(TEXTS)]


def test_each_engine_has_a_recipe_of_few_lines():
    for name in ("Ray Data", "Spark", "Daft"):
        lines = [line for line in recipe(name).splitlines() if line]
        assert 5 <= len(lines) <= 16, name
        compile("\n".join(lines), name, "exec")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_ray_predicts(classifier, elsewhere, monkeypatch):
    require("ray")
    import ray

    monkeypatch.setenv("RAY_worker_niceness", "0")
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        found = follow("Ray Data", classifier, elsewhere)["predicted"].to_pandas()
    finally:
        ray.shutdown()
    assert list(found["predicted_label"][:4]) == expected(classifier)
    assert list(found["predicted_error"].notna()) == [False] * 4 + [True]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_spark_predicts(classifier, elsewhere, monkeypatch):
    require("pyspark")
    if shutil.which("java") is None and not os.environ.get("JAVA_HOME"):
        pytest.skip("Spark needs Java, which isn't installed")
    from pyspark.sql import SparkSession

    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    spark = builder.getOrCreate()
    try:
        found = follow("Spark", classifier, elsewhere, spark=spark)["predicted"].toPandas()
    finally:
        spark.stop()
    assert list(found["predicted_label"][:4]) == expected(classifier)
    assert list(found["predicted_error"].notna()) == [False] * 4 + [True]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_daft_predicts(classifier, elsewhere):
    require("daft")
    found = follow("Daft", classifier, elsewhere)["predicted"].to_pydict()
    assert found["predicted_label"][:4] == expected(classifier)
    assert [error is not None for error in found["predicted_error"]] == [False] * 4 + [True]
