"""A component that gives docs the vector that the embedder has for a whole document."""

from collections.abc import Iterable, Iterator

from spacy.language import Language
from spacy.tokens import Doc
from spacy.vocab import Vocab

from seqpipe.adapters._contract import embed_document
from seqpipe.adapters._vectors import EmbedderVectors
from seqpipe.errors import ConfigError
from seqpipe.parts.embedders import DocumentEmbedder


class DocumentVectors:
    """Sets `doc.vector`. It has nothing to save: the embedder is saved with the vocabulary.

    Args:
        vocab: The pipeline's vocabulary, with its vectors.
    """

    def __init__(self, vocab: Vocab) -> None:
        self.vocab = vocab

    def __call__(self, doc: Doc) -> Doc:
        """Set the vector of a doc.

        Raises:
            ConfigError: The vectors come from something that has none for documents.
            EmbedderError: The embedder hasn't been fitted.
        """
        doc.vector = embed_document(self._embedder(), [t.text for t in doc if not t.is_space])
        return doc

    def pipe(self, docs: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Set the vectors of docs, one after another."""
        return (self(doc) for doc in docs)

    def _embedder(self) -> DocumentEmbedder:
        vectors = self.vocab.vectors
        embedder = vectors.embedder if isinstance(vectors, EmbedderVectors) else None
        if not isinstance(embedder, DocumentEmbedder):
            raise ConfigError(
                "seqpipe_document_vectors needs vectors of an embedder that embeds documents, such as "
                "doc2vec's, and [nlp.vectors] names another: remove the component, or change that"
            )
        return embedder


@Language.factory("seqpipe_document_vectors", assigns=["doc.vector"])  # type: ignore[untyped-decorator]
def make_document_vectors(nlp: Language, name: str) -> DocumentVectors:
    """Make the component; registered as the factory "seqpipe_document_vectors"."""
    return DocumentVectors(nlp.vocab)
