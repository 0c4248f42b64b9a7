"""What makes a part look like what spaCy expects: the only package that knows both.

spaCy finds the functions below by entry points, so a saved pipeline loads without `import seqpipe`.
"""

from seqpipe.adapters._adversarial import perturbing as perturbing
from seqpipe.adapters._begin_encoder import make_begin_encoder as make_begin_encoder
from seqpipe.adapters._classifier import compares_pairs as compares_pairs
from seqpipe.adapters._classifier import inputs_of_head as inputs_of_head
from seqpipe.adapters._classifier import make_classifier as make_classifier
from seqpipe.adapters._classifier import make_task_model as make_task_model
from seqpipe.adapters._classifier import make_weigh_classes as make_weigh_classes
from seqpipe.adapters._classifier_pipe import ClassifierPipe as ClassifierPipe
from seqpipe.adapters._classifier_pipe import make_classifier_pipe as make_classifier_pipe
from seqpipe.adapters._context import Watched as Watched
from seqpipe.adapters._contextual import keeping_states as keeping_states
from seqpipe.adapters._contract import OUT_OF_MEMORY as OUT_OF_MEMORY
from seqpipe.adapters._contract import calling as calling
from seqpipe.adapters._contract import describe as describe
from seqpipe.adapters._contract import naming_scorer as naming_scorer
from seqpipe.adapters._contract import read_examples as read_examples
from seqpipe.adapters._corpus import Corpus as Corpus
from seqpipe.adapters._corpus import make_corpus as make_corpus
from seqpipe.adapters._decision_pipe import DecisionPipe as DecisionPipe
from seqpipe.adapters._decision_pipe import decision_of as decision_of
from seqpipe.adapters._decision_pipe import make_decision_pipe as make_decision_pipe
from seqpipe.adapters._device import device_of as device_of
from seqpipe.adapters._device import move_pipeline as move_pipeline
from seqpipe.adapters._device import placement_of as placement_of
from seqpipe.adapters._docbin import DocBinReader as DocBinReader
from seqpipe.adapters._encoder import encoders_in as encoders_in
from seqpipe.adapters._encoder import make_encoder as make_encoder
from seqpipe.adapters._encoder import recurrent_engines as recurrent_engines
from seqpipe.adapters._encoder import update_encoder as update_encoder
from seqpipe.adapters._fit import chosen_by_embedder as chosen_by_embedder
from seqpipe.adapters._fit import make_fit_embedder as make_fit_embedder
from seqpipe.adapters._fit import watch_fit as watch_fit
from seqpipe.adapters._input_shim import input_shims as input_shims
from seqpipe.adapters._language_model_pipe import LanguageModelPipe as LanguageModelPipe
from seqpipe.adapters._language_model_pipe import language_model_in as language_model_in
from seqpipe.adapters._language_model_pipe import (
    make_language_model_pipe as make_language_model_pipe,
)
from seqpipe.adapters._optimizer import AdamW as AdamW
from seqpipe.adapters._optimizer import make_adamw as make_adamw
from seqpipe.adapters._pairs import is_pair as is_pair
from seqpipe.adapters._pairs import pair_of as pair_of
from seqpipe.adapters._registries import install_registries
from seqpipe.adapters._scorer import PipelineScorer as PipelineScorer
from seqpipe.adapters._sequences import SequenceCorpus as SequenceCorpus
from seqpipe.adapters._sequences import make_sequences as make_sequences
from seqpipe.adapters._shim import TorchShim as TorchShim
from seqpipe.adapters._shim import torch_shims as torch_shims
from seqpipe.adapters._task_pipe import TaskPipe as TaskPipe
from seqpipe.adapters._task_pipe import has_several_heads as has_several_heads
from seqpipe.adapters._task_pipe import has_word_head as has_word_head
from seqpipe.adapters._task_pipe import learnt_tasks as learnt_tasks
from seqpipe.adapters._task_pipe import make_task_pipe as make_task_pipe
from seqpipe.adapters._task_pipe import tasks_of as tasks_of
from seqpipe.adapters._tokenizer import WordTokenizer as WordTokenizer
from seqpipe.adapters._tokenizer import make_tokenizer as make_tokenizer
from seqpipe.adapters._tokenizer import remember_chunks as remember_chunks
from seqpipe.adapters._tokenizer import tokenized as tokenized
from seqpipe.adapters._tokens import keeping_tokens as keeping_tokens
from seqpipe.adapters._tune import forgetting_evaluated as forgetting_evaluated
from seqpipe.adapters._tune import make_tune_mix as make_tune_mix
from seqpipe.adapters._tune import only_categorizes as only_categorizes
from seqpipe.adapters._tune import predict_evaluated as predict_evaluated
from seqpipe.adapters._unfreeze import make_unfreeze as make_unfreeze
from seqpipe.adapters._vectors import DocumentVectors as DocumentVectors
from seqpipe.adapters._vectors import EmbedderVectors as EmbedderVectors
from seqpipe.adapters._vectors import keeping_vectors as keeping_vectors
from seqpipe.adapters._vectors import make_document_vectors as make_document_vectors
from seqpipe.adapters._vectors import make_vectors as make_vectors
from seqpipe.adapters._vectors import save_table as save_table
from seqpipe.adapters._whole import wrap_language
from seqpipe.adapters._wide_pipe import WidePipe as WidePipe
from seqpipe.adapters._wide_pipe import keeping_scores as keeping_scores
from seqpipe.adapters._wide_pipe import make_wide_pipe as make_wide_pipe
from seqpipe.adapters._wide_pipe import mix_of as mix_of

__all__ = [
    "OUT_OF_MEMORY",
    "AdamW",
    "ClassifierPipe",
    "Corpus",
    "DecisionPipe",
    "DocBinReader",
    "DocumentVectors",
    "EmbedderVectors",
    "LanguageModelPipe",
    "PipelineScorer",
    "SequenceCorpus",
    "TaskPipe",
    "TorchShim",
    "Watched",
    "WidePipe",
    "WordTokenizer",
    "calling",
    "chosen_by_embedder",
    "compares_pairs",
    "decision_of",
    "describe",
    "device_of",
    "encoders_in",
    "forgetting_evaluated",
    "has_several_heads",
    "has_word_head",
    "input_shims",
    "inputs_of_head",
    "is_pair",
    "keeping_scores",
    "keeping_states",
    "keeping_tokens",
    "keeping_vectors",
    "language_model_in",
    "learnt_tasks",
    "make_adamw",
    "make_begin_encoder",
    "make_classifier",
    "make_classifier_pipe",
    "make_corpus",
    "make_decision_pipe",
    "make_document_vectors",
    "make_encoder",
    "make_fit_embedder",
    "make_language_model_pipe",
    "make_sequences",
    "make_task_model",
    "make_task_pipe",
    "make_tokenizer",
    "make_tune_mix",
    "make_unfreeze",
    "make_vectors",
    "make_weigh_classes",
    "make_wide_pipe",
    "mix_of",
    "move_pipeline",
    "naming_scorer",
    "only_categorizes",
    "pair_of",
    "perturbing",
    "placement_of",
    "predict_evaluated",
    "read_examples",
    "recurrent_engines",
    "remember_chunks",
    "save_table",
    "tasks_of",
    "tokenized",
    "torch_shims",
    "update_encoder",
    "watch_fit",
]

install_registries()
wrap_language()
