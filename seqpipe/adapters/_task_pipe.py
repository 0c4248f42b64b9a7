"""A task as a component of spaCy's, and which task the components of a pipeline have."""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

import numpy as np
import torch
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.pipeline.textcat import TextCategorizer
from spacy.pipeline.textcat_multilabel import MultiLabel_TextCategorizer
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer, set_dropout_rate
from torch import Tensor

from seqpipe.adapters._classifier import Truths, weighted_heads
from seqpipe.adapters._classifier_pipe import ClassifierPipe
from seqpipe.adapters._contract import broken, calling
from seqpipe.adapters._decision_pipe import decision_of
from seqpipe.adapters._shim import TorchShim
from seqpipe.adapters._tokenizer import remember_chunks
from seqpipe.adapters._wide_pipe import WidePipe
from seqpipe.errors import ConfigError
from seqpipe.parts.heads import Head
from seqpipe.tasks import Task
from seqpipe.tasks.text_classes import TextClasses

#: The key of spaCy's scores of a task's main figure.
_MAIN = "task_score"
#: What the component of the only head of a file is called.
_NAME = "task"


class TaskPipe(TrainablePipe):  # type: ignore[misc]
    """Predicts what a task says, by the model of a head: truths and scores are the task's, the loss is the head's.

    Args:
        vocab: The pipeline's vocabulary.
        model: Turns docs into scores, as `seqpipe.adapters.make_classifier` makes it.
        name: What the component is called.
        task: What is learnt.
    """

    def __init__(self, vocab: Vocab, model: Model, name: str, task: Task) -> None:
        self.vocab = vocab
        self.model = model
        self.name = name
        self.task = task
        self.cfg: dict[str, Any] = {"labels": []}

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the output's numbers."""
        return tuple(self.cfg["labels"])

    def initialize(
        self, get_examples: Callable[[], Iterable[Example]], *, nlp: Language | None = None
    ) -> None:
        """Find out the labels, and build the model.

        Args:
            get_examples: Returns the examples to learn from; called several times.
            nlp: The pipeline.

        Raises:
            DataError: As `Task.labels`.
            PluginError: The task raised another exception.
        """
        validate_get_examples(get_examples, "TaskPipe.initialize")
        with calling(self.task, "task", "was asked for its labels"):
            labels = self.task.labels(eg.reference for eg in get_examples())
            self.cfg["labels"] = self._checked_labels(labels)
        docs = [example.predicted for example in islice(get_examples(), 10)]
        # Of this, only the width is looked at.
        self.model.initialize(X=docs, Y=np.zeros((len(docs), len(self.labels)), dtype="float32"))
        self._prepare(get_examples)

    def _prepare(self, get_examples: Callable[[], Iterable[Example]]) -> None:
        """Have heads look at the truths, if they want to."""
        wanting = [head for head in self.heads() if _wants_truths(head)]
        if not wanting:
            return
        with calling(self.task, "task", "made truths of docs"):
            truths = self.task.truths([eg.reference for eg in get_examples()], self.labels)
        for head in wanting:
            with calling(head, "head", "looked at the truths"):
                head.prepare(truths)

    def predict(self, docs: Iterable[Doc]) -> Any:
        """Return the head's scores for docs, on the processor."""
        docs = list(docs)
        return self.model.ops.to_numpy(self.model.predict(docs))

    def set_annotations(self, docs: Iterable[Doc], scores: Any) -> None:
        """Have the task write scores on docs."""
        with calling(self.task, "task", "wrote predictions on docs"):
            self.task.set_predictions(list(docs), scores, self.labels)

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Learn from examples; the loss that's added to `losses` is the head's."""
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        validate_examples(examples, "TaskPipe.update")
        if not any(len(example.predicted) for example in examples):
            return losses
        set_dropout_rate(self.model, drop)
        _, backprop = self.model.begin_update([example.predicted for example in examples])
        with calling(self.task, "task", "made truths of docs"):
            truths = Truths(self._truths(examples))
        backprop(truths)
        if sgd not in (None, False):
            self.finish_update(sgd)
        losses[self.name] += truths.loss
        return losses

    def _truths(self, examples: list[Example]) -> Tensor:
        """Return the truths of texts, or of the tokens of the docs that predictions are made for.

        Raises:
            ConfigError: The task has truths of words and the head scores texts, or the other way round.
            PluginError: The truths are something else.
        """
        docs = [example.reference for example in examples]
        truths = self.task.truths(docs, self.labels)
        lengths = [len(doc) for doc in docs]
        counts = {"text": len(docs), "word": sum(lengths)}
        level = next((head.level for head in self.heads()), "text")
        other = "text" if level == "word" else "word"
        if isinstance(truths, Tensor) and len(truths) == counts[other] != counts[level]:
            raise ConfigError(
                f"the task {type(self.task).__name__} is about {other}s, and the head of the component {self.name!r} scores "
                f"{level}s: name another head, such as seqpipe.Crf.v1 for words, or another task"
            )
        if not isinstance(truths, Tensor) or len(truths) != counts[level]:
            expected = f"the truths of {counts[level]} {level}s"
            raise broken(self.task, "task", truths, expected)
        if level == "text":
            return truths
        pairs = zip(examples, torch.split(truths, lengths), strict=True)
        return torch.cat([_aligned(example, of_words) for example, of_words in pairs])

    def heads(self) -> list[Head]:
        """Return the heads that its model has, once it's initialised."""
        shims = [shim for layer in self.model.walk() for shim in layer.shims]
        modules = [shim.module for shim in shims if isinstance(shim, TorchShim)]
        return [module for module in modules if isinstance(module, Head)]

    def _checked_labels(self, labels: Any) -> list[str]:
        found = [] if isinstance(labels, str) else list(labels)
        if not found or len({*found}) < len(found) or not all(isinstance(x, str) for x in found):
            raise broken(self.task, "task", labels, "a list of distinct strings as labels")
        return found

    def get_loss(self, examples: Iterable[Example], scores: Any) -> tuple[float, float]:
        """Not to be had without the head's logits; see `update`."""
        raise NotImplementedError("the loss is the head's, and computed by `update`")

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """Return the task's figures, the main one as "task_score" too, and by the component's name: "slots_score".

        Where the component has another name than "task", that's before the names of the figures: "slots_accuracy".
        """
        with calling(self.task, "task", "scored examples"):
            figures = self.task.score(list(examples))
            main = figures[self.task.main_figure]
        if self.name != _NAME:
            figures = {f"{self.name}_{figure}": value for figure, value in figures.items()}
        return {**figures, _MAIN: main, f"{self.name}_score": main}


def _wants_truths(head: Head) -> bool:
    return type(head).prepare is not Head.prepare


def _aligned(example: Example, truths: Tensor) -> Tensor:
    """Return the truths of a predicted doc's tokens, unknown where the reference is cut into other ones."""
    predicted, reference = example.predicted, example.reference
    if len(predicted) == len(reference) and [t.text for t in predicted] == [
        t.text for t in reference
    ]:
        return truths
    unknown = torch.nan if truths.is_floating_point() else -1
    aligned = truths.new_full((len(predicted), *truths.shape[1:]), unknown)
    to_reference, to_predicted = example.alignment.x2y, example.alignment.y2x
    for place in range(len(predicted)):
        there = to_reference[place].tolist()
        if len(there) == 1 and to_predicted[there[0]].tolist() == [place]:
            aligned[place] = truths[there[0]]
    return aligned


@Language.factory(  # type: ignore[untyped-decorator]
    "seqpipe_task", default_score_weights={_MAIN: 1.0}
)
def make_task_pipe(nlp: Language, name: str, model: Model, task: Task) -> TaskPipe:
    """Make the component; registered as the factory "seqpipe_task".

    Args:
        nlp: The pipeline.
        name: What the component is called.
        model: The model of a head: the architecture "seqpipe.Head.v1".
        task: What is learnt.

    Raises:
        ConfigError: It's no task, or the head has class weights.
    """
    if not isinstance(task, Task):
        raise ConfigError(
            f"the task of the component {name!r} is {task!r}, which is none: name one of @seqpipe_tasks"
        )
    pipe = TaskPipe(nlp.vocab, model, name, task)
    if weighted_heads(pipe):
        raise ConfigError(
            f"the head of the component {name!r} has `class_weights`, which are for classes that a text categorizer of "
            "spaCy's learns: use the architecture seqpipe.Head.v1, which has none",
            setting="class_weights",
        )
    remember_chunks(nlp.tokenizer)
    return pipe


def has_word_head(nlp: Language) -> bool:
    """Say whether any head of an initialised pipeline scores words; the others score texts."""
    pipes = [pipe for _, pipe in nlp.pipeline if isinstance(pipe, TaskPipe)]
    return any(head.level == "word" for pipe in pipes for head in pipe.heads())


def tasks_of(nlp: Language) -> dict[str, Task]:
    """Return what a pipeline learns from rows, by component: several where a file has several heads.

    It's empty where that's spaCy's business alone.
    """
    pipes = dict(nlp.pipeline)
    if has_several_heads(nlp):
        # By what they are, as components may have been renamed.
        kinds = (TaskPipe, TextCategorizer)
        named = [name for name, pipe in pipes.items() if isinstance(pipe, kinds)]
    else:
        # Beside a task of ours, a categorizer has come from elsewhere.
        learning = (name for name, pipe in pipes.items() if _task_of(pipe) is not None)
        named = sorted(learning, key=lambda name: not isinstance(pipes[name], TaskPipe))[:1]
    tasks = learnt_tasks(nlp)
    return {name: tasks[name] for name in named if name in tasks}


def learnt_tasks(nlp: Language) -> dict[str, Task]:
    """Return what the components of a pipeline have learnt, by component, wherever they have come from.

    A classifier that's mixed with the scores of another component has no task of its own.
    """
    pipes = [(name, pipe) for name, pipe in nlp.pipeline if not isinstance(pipe, WidePipe)]
    found = ((name, _task_of(pipe)) for name, pipe in pipes)
    tasks = {name: task for name, task in found if task is not None}
    decision = decision_of(nlp)
    for task in tasks.values():
        if isinstance(task, TextClasses):
            task.threshold = decision.get("threshold", task.threshold)
            task.thresholds = decision.get("thresholds", {})
            task.decides = bool(decision)
    return tasks


def has_several_heads(nlp: Language) -> bool:
    """Return whether a pipeline was made by a file with [heads]."""
    # `nlp.config` would describe all components anew.
    return isinstance(nlp._config.get("variables", {}).get("tasks"), Mapping)


def _task_of(pipe: Any) -> Task | None:
    if isinstance(pipe, TaskPipe):
        return pipe.task
    if isinstance(pipe, ClassifierPipe):
        return TextClasses.of_component(
            exclusive=bool(pipe.is_exclusive), threshold=pipe.threshold, labels=pipe.labels
        )
    if isinstance(pipe, TextCategorizer):
        threshold = pipe.cfg["threshold"]
        exclusive = not isinstance(pipe, MultiLabel_TextCategorizer)
        return TextClasses.of_component(
            exclusive=exclusive,
            threshold=0.5 if threshold is None else threshold,
            labels=pipe.labels,
        )
    return None
