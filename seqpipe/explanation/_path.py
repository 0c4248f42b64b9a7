"""The way from the vectors of a text's words to a component's logits, as a function that can be differentiated."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import torch
from spacy.language import Language
from spacy.tokens import Doc
from torch import Tensor, nn

from seqpipe.adapters import inputs_of_head, is_pair
from seqpipe.errors import ConfigError
from seqpipe.explanation._encoding import find_encoder, given_to
from seqpipe.parts.encoders import Recurrent
from seqpipe.parts.heads import Head

#: The constant of Mandelbrot's law of the frequencies of words, as it's usually fitted to English.
_MANDELBROT: Final = 2.7


class Path:
    """What lies between the vectors of a text's words and the logits of a head, in evaluation mode.

    Args:
        nlp: The pipeline.
        component: The name of the component with the head.
        doc: The text, of one word at least.

    Attributes:
        inputs: What the encoder is given for each word, `[N, D]`.
        labels: The names of the logits.

    Raises:
        ConfigError: The component isn't a head on an encoder of seqpipe's.
    """

    def __init__(self, nlp: Language, component: str, doc: Doc) -> None:
        pipe = nlp.get_pipe(component)
        self.labels: Sequence[str] = tuple(pipe.labels)
        self._head, self._more = inputs_of_head(pipe, doc)
        encoding = find_encoder(nlp, component)
        if self._head is None or encoding is None:
            raise ConfigError(
                f"the component {component!r} isn't a head on a recurrent encoder, so there are no gradients to explain it by"
            )
        model, self._encoder = encoding
        (given,) = given_to(model, [self._encoder], [doc])
        self.inputs, self._lengths = (each.clone() for each in given)
        self._words = len(doc)

    @property
    def head(self) -> Head:
        """The head."""
        head: Head = self._head
        return head

    def encoded(self) -> Tensor:
        """Return the contextual vectors of the text's words, `[N, width]`."""
        with torch.no_grad():
            encoded: Tensor = self._encoder.eval()(self.inputs, self._lengths)
        return encoded

    @property
    def level(self) -> str:
        """What a logit is about: "text" or "word"."""
        return self._head.level if isinstance(self._head, Head) else "text"

    def logits(self, inputs: Tensor) -> Tensor:
        """Return the logits for several versions of the text.

        Args:
            inputs: The vectors of the words in each version, `[M, N, D]`.

        Returns:
            `[M, L]`, or `[M, N, L]` of a head that scores words.
        """
        copies = len(inputs)
        self._encoder.eval()
        self._head.eval()
        with torch.enable_grad(), _whole_gradients(self._encoder):
            encoded = self._encoder(inputs.flatten(0, 1), self._lengths.repeat(copies))
            lengths = torch.full((copies,), self._words)
            more = [_repeated(each, copies) for each in self._more]
            logits: Tensor = self._head(encoded, lengths, *more)
        # Of words, those of each version.
        return logits if self.level == "text" else logits.reshape(copies, self._words, -1)


@contextlib.contextmanager
def _whole_gradients(encoder: nn.Module) -> Iterator[None]:
    """Have gradients go back to the first word, though training cuts them off."""
    cut = [(module, module.tbptt) for module in encoder.modules() if isinstance(module, Recurrent)]
    try:
        for module, _ in cut:
            module.tbptt = None
        yield
    finally:
        for module, tbptt in cut:
            module.tbptt = tbptt


def _repeated(values: Any, copies: int) -> Any:
    return values.repeat(copies) if isinstance(values, Tensor) else list(values) * copies


def random_baselines(
    nlp: Language, component: str, doc: Doc, *, count: int, seed: int = 0
) -> list[Tensor] | None:
    """Return what the encoder is given for texts of as many words as a doc, drawn from the words that the vocabulary's vectors know.

    The word that stands at rank r of them is drawn with a probability in proportion to 1 / (r + 2.7), as by the law of Zipf and
    Mandelbrot: embedders, and most files of vectors, begin with the most frequent words.

    Args:
        nlp: The pipeline.
        component: The component with the head.
        doc: The text.
        count: How many such texts.
        seed: Decides which words are drawn.

    Returns:
        The vectors of each, `[N, D]`; None if the vocabulary has no vectors.
    """
    strings = nlp.vocab.strings
    words = [strings[key] for key in nlp.vocab.vectors.keys()]  # noqa: SIM118
    if not words:
        return None
    generator = np.random.default_rng(seed)
    weights = 1 / (np.arange(len(words)) + _MANDELBROT)
    found = []
    for _ in range(count):
        drawn = generator.choice(len(words), size=len(doc), p=weights / weights.sum())
        other = Doc(nlp.vocab, words=[words[number] for number in drawn])
        if is_pair(doc):
            other._.first_text = doc._.first_text
        found.append(Path(nlp, component, other).inputs)
    return found
