"""Embedders: words (items, nodes) to vectors."""

from seqpipe.parts.embedders._concatenated import Concatenated as Concatenated
from seqpipe.parts.embedders._contract import ContextualEmbedder as ContextualEmbedder
from seqpipe.parts.embedders._contract import DocumentEmbedder as DocumentEmbedder
from seqpipe.parts.embedders._contract import Embedder as Embedder
from seqpipe.parts.embedders._contract import FitProgress as FitProgress
from seqpipe.parts.embedders._contract import OnProgress as OnProgress
from seqpipe.parts.embedders._cooccurrence import FastText2 as FastText2
from seqpipe.parts.embedders._cooccurrence import Word2Vec2 as Word2Vec2
from seqpipe.parts.embedders._export import Exported as Exported
from seqpipe.parts.embedders._export import ExportFormat as ExportFormat
from seqpipe.parts.embedders._export import export_fasttext as export_fasttext
from seqpipe.parts.embedders._export import export_vectors as export_vectors
from seqpipe.parts.embedders._export import limits as limits
from seqpipe.parts.embedders._export import words_file as words_file
from seqpipe.parts.embedders._tables import SubwordTable as SubwordTable
from seqpipe.parts.embedders._tables import VectorTable as VectorTable
from seqpipe.parts.embedders._tables import vector_tables as vector_tables
from seqpipe.parts.embedders.fasttext import FastText as FastText
from seqpipe.parts.embedders.fasttext import Word2Vec as Word2Vec
from seqpipe.parts.embedders.pretrained import Pretrained as Pretrained
from seqpipe.parts.embedders.retrofit import CounterFitted as CounterFitted
from seqpipe.parts.embedders.retrofit import Retrofitted as Retrofitted

__all__ = [
    "Concatenated",
    "ContextualEmbedder",
    "CounterFitted",
    "DocumentEmbedder",
    "Embedder",
    "ExportFormat",
    "Exported",
    "FastText",
    "FastText2",
    "FitProgress",
    "OnProgress",
    "Pretrained",
    "Retrofitted",
    "SubwordTable",
    "VectorTable",
    "Word2Vec",
    "Word2Vec2",
    "export_fasttext",
    "export_vectors",
    "limits",
    "vector_tables",
    "words_file",
]
