"""spaCy's own text classifier as a peer, trained by spaCy's own loop."""

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import spacy
from accuracy_systems import Job, Trained, copy_into, label_names, share_right, texts_of
from spacy.cli.init_config import init_config
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from text_sets import Parts

from seqpipe.parts.readers import Row

# The configuration that spaCy's quickstart (`spacy init config`) writes, but for what that fits badly:
# it counts batches in words, from 100 to 1,000, so with articles of some 450 words each step saw one or
# two. (On seed 0 that gave 0.951 for the bag of words and 0.901 for the ensemble.) Batches of 4 growing to
# 32 texts and dropout 0.2 are those of spaCy's own example, `train_textcat.py` of version 2.
_TRAINING: Final[dict[str, Any]] = {
    "dropout": 0.2,
    "eval_frequency": 100,
    "patience": 600,
    "batcher": {
        "@batchers": "spacy.batch_by_sequence.v1",
        "size": {"@schedules": "compounding.v1", "start": 4, "stop": 32, "compound": 1.001},
    },
}
_LOGGED_STEP: Final = re.compile(r"^ *\d+ +(\d+) ", re.MULTILINE)


@dataclass(frozen=True)
class TextCat:
    """A kind of spaCy's text classifier.

    Args:
        lang: The language of the tokenizer.
        exclusive: Whether a text has exactly one label.
        ensemble: Whether it's the component's default model, TextCatEnsemble.v2 on a Tok2Vec.v2 of its own,
            or what the quickstart writes for "efficiency", TextCatBOW.v3.
    """

    lang: str
    exclusive: bool
    ensemble: bool

    def train(self, parts: Parts, folder: Path, seed: int) -> tuple[Any, dict[str, Any]]:
        """Return the best pipeline on dev, and notes on the training. Its files stay in the folder."""
        config = self._config(folder, seed)
        labels = label_names(parts["train"])
        for part in ("train", "dev"):
            _to_disk(self.lang, parts[part], labels, folder / f"{part}.spacy")
        log = io.StringIO()
        train(init_nlp(config), folder, stdout=log, stderr=log)
        nlp = spacy.load(folder / "model-best")
        steps = _LOGGED_STEP.findall(log.getvalue())
        return nlp, {
            "dev_cats_score": nlp.meta["performance"]["cats_score"],
            "steps": int(steps[-1]),
        }

    def _config(self, folder: Path, seed: int) -> Any:
        name = "textcat" if self.exclusive else "textcat_multilabel"
        config = init_config(lang=self.lang, pipeline=[name], optimize="efficiency", gpu=False)
        config["paths"].update({part: str(folder / f"{part}.spacy") for part in ("train", "dev")})
        config["system"]["seed"] = seed
        config["training"] = {**config["training"], **_TRAINING}
        if self.ensemble:
            del config["components"][name]["model"]
        return config


def best_labels(nlp: Any, texts: Iterable[str]) -> list[str]:
    """Return the label with the highest score for each text."""
    return [max(doc.cats, key=doc.cats.__getitem__) for doc in nlp.pipe(texts)]


def fit_ensemble(job: Job, parts: Parts) -> Trained:
    """Train the default model of the component."""
    return _fit(job, parts, ensemble=True)


def fit_bow(job: Job, parts: Parts) -> Trained:
    """Train the bag of words."""
    return _fit(job, parts, ensemble=False)


def _fit(job: Job, parts: Parts, *, ensemble: bool) -> Trained:
    nlp, notes = TextCat(job.lang, job.exclusive, ensemble).train(parts, Path.cwd(), job.seed)
    dev = share_right(best_labels(nlp, texts_of(parts["dev"])), parts["dev"])
    return Trained(
        lambda texts: best_labels(nlp, texts),
        lambda folder: copy_into(Path("model-best"), folder),
        {**notes, "dev": dev},
    )


def _to_disk(lang: str, rows: Iterable[Row], labels: Sequence[str], path: Path) -> None:
    nlp = spacy.blank(lang)
    docs = []
    for row in rows:
        doc = nlp.make_doc(row.text)
        doc.cats = {label: float(label in row.labels) for label in labels}
        docs.append(doc)
    DocBin(docs=docs).to_disk(path)
