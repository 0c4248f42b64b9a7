"""seqpipe in the benchmark of accuracy: a file of two sections, or any pipeline file with other data."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import spacy
import torch
from accuracy_systems import RECIPE, Job, Trained, copy_into
from text_sets import PARTS, Parts

from seqpipe.parts.readers import fingerprint

_REPOSITORY: Final = Path(__file__).parents[1]
#: Everything but the data is seqpipe's default.
_DEFAULT: Final = '[head]\n@seqpipe_heads = "seqpipe.TextClassifier.v2"\n'
#: `[data]` and the sections in it, each up to the next section.
_DATA: Final = re.compile(r"^\[data(\.[^\]\n]*)?\].*?(?=^\[|\Z)", re.MULTILINE | re.DOTALL)
_SECTION: Final = r"^\[{}[\].]"


def fit_default(job: Job, parts: Parts) -> Trained:
    """Run a file that names the data and a head."""
    return _fit(job, parts, _DEFAULT)


def fit_recipe(job: Job, parts: Parts) -> Trained:
    """Run the file that the system's name has after ``seqpipe:``."""
    return _fit(job, parts, Path(job.system.removeprefix(RECIPE)).read_text(encoding="utf-8"))


def with_data(text: str, folder: Path, **settings: object) -> str:
    """Return a pipeline file whose `[data]` is replaced by the parts in a folder.

    Args:
        text: The file.
        folder: Has ``train.jsonl`` and the other parts.
        settings: Those of the reader beside its path.
    """
    sections = (
        "\n".join(
            [f"[data.{part}]", '@readers = "seqpipe.Jsonl.v1"']
            + [
                f"{name} = {json.dumps(value, ensure_ascii=False)}"
                for name, value in {"path": str(folder / f"{part}.jsonl"), **settings}.items()
            ]
        )
        + "\n"
        for part in PARTS
    )
    # A `$` in a value refers to another.
    data = "\n".join(sections).replace("$", "$$")
    return f"{data}\n{_DATA.sub('', text)}"


def options(text: str, job: Job) -> list[str]:
    """Return what fits a pipeline file to the language and the labels of a set, as options of `seqpipe run`."""
    found = common_options(job.seed, job.threads, job.lang)
    if not job.exclusive:
        kind = "classifier" if re.search(_SECTION.format("classifier"), text, re.M) else "head"
        found += [f"--{kind}.exclusive", "false"]
    return found


def common_options(seed: int, threads: int, lang: str) -> list[str]:
    """Return the options that every training has."""
    return ["--pipeline.seed", str(seed), "--threads", str(threads), "--pipeline.lang", lang]


def run_pipeline(text: str, options: Sequence[str], parts: Parts) -> dict[str, Any]:
    """Run a pipeline file, and return its report; the model is in ``run/model-best`` of the working directory.

    The file's relative paths are those that it has when it's run in the repository, as READMEs say.

    Raises:
        RuntimeError: The run failed, or read other rows than these.
    """
    file, output = Path("pipeline.cfg").resolve(), Path("run").resolve()
    file.write_text(text, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "seqpipe",
        "run",
        str(file),
        "--output",
        str(output),
        "--quiet",
    ]
    done = subprocess.run(
        [*command, *options], cwd=_REPOSITORY, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"seqpipe run failed:\n{done.stdout}{done.stderr}")
    report: dict[str, Any] = json.loads((output / "report.json").read_text(encoding="utf-8"))
    if report["data"]["fingerprint"] != fingerprint(row for part in PARTS for row in parts[part]):
        raise RuntimeError("seqpipe read other rows than the peers get")
    return report


def _fit(job: Job, parts: Parts, recipe: str) -> Trained:
    report = run_pipeline(with_data(recipe, job.data), options(recipe, job), parts)
    torch.set_num_threads(job.threads)
    nlp = spacy.load(Path("run", "model-best"))

    def predict(texts: Sequence[str]) -> list[str]:
        return [max(doc.cats, key=doc.cats.__getitem__) for doc in nlp.pipe(texts)]

    return Trained(
        predict,
        lambda folder: copy_into(Path("run", "model-best"), folder),
        notes_of(report),
        report["timings"]["evaluation"],
    )


def notes_of(report: dict[str, Any]) -> dict[str, Any]:
    """Return what's kept of a report: the score on dev, the epoch that had it, and times."""
    # A classifier isn't chosen on dev, so there's no score of it.
    dev = {f"dev_{key}": report["dev"][key] for key in ("score", "epoch") if key in report["dev"]}
    return {**dev, "timings": report["timings"]}
