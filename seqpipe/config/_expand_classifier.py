"""Expands [classifier]: a component that holds a whole model, and is trained when it's initialised."""

from collections.abc import Mapping
from typing import Any, Final

Section = dict[str, Any]

_COMPONENT: Final = "classifier"


def classifier_sections(classifier: Section, corpora: Mapping[str, Section]) -> Section:
    """Return what a classifier says of spaCy's sections.

    Args:
        classifier: The section of the file, with its defaults.
        corpora: The parts of the data. The dev part, if there's one, is handed to the classifier.
    """
    sections: Section = {
        "nlp": {"pipeline": [_COMPONENT]},
        "components": {_COMPONENT: {"factory": "seqpipe_classifier", "classifier": classifier}},
        "corpora": dict(corpora),
        # There's nothing to update: so `spacy train` comes to an end after one evaluation.
        "training": {"max_epochs": 0, "max_steps": 1, "eval_frequency": 1},
        "initialize": {},
    }
    if "dev" in corpora:
        sections["initialize"] = {"components": {_COMPONENT: {"dev": corpora["dev"]}}}
    return sections
