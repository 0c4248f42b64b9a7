"""Scores of embeddings: what word and sentence vectors capture, and what they don't."""

from seqpipe.correlation import pearson as pearson
from seqpipe.correlation import ranks as ranks
from seqpipe.correlation import spearman as spearman
from seqpipe.evaluation.embeddings._analogies import Analogies as Analogies
from seqpipe.evaluation.embeddings._analogies import Question as Question
from seqpipe.evaluation.embeddings._analogies import read_questions as read_questions
from seqpipe.evaluation.embeddings._analogies import score_questions as score_questions
from seqpipe.evaluation.embeddings._bags import SentenceVectors as SentenceVectors
from seqpipe.evaluation.embeddings._bags import bags_of_words as bags_of_words
from seqpipe.evaluation.embeddings._bags import mean_vectors as mean_vectors
from seqpipe.evaluation.embeddings._bags import sif_vectors as sif_vectors
from seqpipe.evaluation.embeddings._bags import word_shares as word_shares
from seqpipe.evaluation.embeddings._categories import Categorisation as Categorisation
from seqpipe.evaluation.embeddings._categories import read_labelled as read_labelled
from seqpipe.evaluation.embeddings._contextual import SENSES as SENSES
from seqpipe.evaluation.embeddings._contextual import Found as Found
from seqpipe.evaluation.embeddings._contextual import Marked as Marked
from seqpipe.evaluation.embeddings._contextual import Neighbourhood as Neighbourhood
from seqpipe.evaluation.embeddings._contextual import Use as Use
from seqpipe.evaluation.embeddings._contextual import WordVectors as WordVectors
from seqpipe.evaluation.embeddings._contextual import encode as encode
from seqpipe.evaluation.embeddings._contextual import encoded_sentences as encoded_sentences
from seqpipe.evaluation.embeddings._contextual import encoded_words as encoded_words
from seqpipe.evaluation.embeddings._contextual import has_encoder as has_encoder
from seqpipe.evaluation.embeddings._contextual import parse_marked as parse_marked
from seqpipe.evaluation.embeddings._contextual import read_uses as read_uses
from seqpipe.evaluation.embeddings._contextual import score_senses as score_senses
from seqpipe.evaluation.embeddings._contextual import score_vectors as score_vectors
from seqpipe.evaluation.embeddings._contextual import search_corpus as search_corpus
from seqpipe.evaluation.embeddings._contextual import without_encoder as without_encoder
from seqpipe.evaluation.embeddings._lists import RatedPair as RatedPair
from seqpipe.evaluation.embeddings._lists import list_name as list_name
from seqpipe.evaluation.embeddings._lists import named_lists as named_lists
from seqpipe.evaluation.embeddings._lists import read_pairs as read_pairs
from seqpipe.evaluation.embeddings._lists import read_rated_pairs as read_rated_pairs
from seqpipe.evaluation.embeddings._neighbours import Neighbour as Neighbour
from seqpipe.evaluation.embeddings._neighbours import answer_analogy as answer_analogy
from seqpipe.evaluation.embeddings._neighbours import near_spellings as near_spellings
from seqpipe.evaluation.embeddings._neighbours import nearest as nearest
from seqpipe.evaluation.embeddings._neighbours import vector_of as vector_of
from seqpipe.evaluation.embeddings._order import WORD_ORDER as WORD_ORDER
from seqpipe.evaluation.embeddings._order import WordOrder as WordOrder
from seqpipe.evaluation.embeddings._order import read_order as read_order
from seqpipe.evaluation.embeddings._order import score_order as score_order
from seqpipe.evaluation.embeddings._retrieval import ClassRetrieval as ClassRetrieval
from seqpipe.evaluation.embeddings._retrieval import score_retrieval as score_retrieval
from seqpipe.evaluation.embeddings._sentences import SentenceSimilarity as SentenceSimilarity
from seqpipe.evaluation.embeddings._sentences import read_sentences as read_sentences
from seqpipe.evaluation.embeddings._sentences import score_sentences as score_sentences
from seqpipe.evaluation.embeddings._similarity import ANTONYMS as ANTONYMS
from seqpipe.evaluation.embeddings._similarity import SYNONYMS as SYNONYMS
from seqpipe.evaluation.embeddings._similarity import Relatedness as Relatedness
from seqpipe.evaluation.embeddings._similarity import WordSimilarity as WordSimilarity
from seqpipe.evaluation.embeddings._similarity import score_opposites as score_opposites
from seqpipe.evaluation.embeddings._similarity import score_pairs as score_pairs
from seqpipe.evaluation.embeddings._spacy_table import SpacyTable as SpacyTable
from seqpipe.evaluation.embeddings._statistics import cluster as cluster
from seqpipe.evaluation.embeddings._statistics import purity as purity
from seqpipe.evaluation.embeddings._words import Words as Words
from seqpipe.evaluation.embeddings._words import unit as unit

__all__ = [
    "ANTONYMS",
    "SENSES",
    "SYNONYMS",
    "WORD_ORDER",
    "Analogies",
    "Categorisation",
    "ClassRetrieval",
    "Found",
    "Marked",
    "Neighbour",
    "Neighbourhood",
    "Question",
    "RatedPair",
    "Relatedness",
    "SentenceSimilarity",
    "SentenceVectors",
    "SpacyTable",
    "Use",
    "WordOrder",
    "WordSimilarity",
    "WordVectors",
    "Words",
    "answer_analogy",
    "bags_of_words",
    "cluster",
    "encode",
    "encoded_sentences",
    "encoded_words",
    "has_encoder",
    "list_name",
    "mean_vectors",
    "named_lists",
    "near_spellings",
    "nearest",
    "parse_marked",
    "pearson",
    "purity",
    "ranks",
    "read_labelled",
    "read_order",
    "read_pairs",
    "read_questions",
    "read_rated_pairs",
    "read_sentences",
    "read_uses",
    "score_opposites",
    "score_order",
    "score_pairs",
    "score_questions",
    "score_retrieval",
    "score_senses",
    "score_sentences",
    "score_vectors",
    "search_corpus",
    "sif_vectors",
    "spearman",
    "unit",
    "vector_of",
    "without_encoder",
    "word_shares",
]
