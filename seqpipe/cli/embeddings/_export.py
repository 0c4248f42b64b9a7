"""``seqpipe embeddings export``."""

import enum
from pathlib import Path
from typing import Annotated, Final

import typer

from seqpipe.cli._options import AsJson
from seqpipe.cli.embeddings._arguments import Model


class Format(str, enum.Enum):
    """The format to write."""

    word2vec = "word2vec"
    word2vec_binary = "word2vec-binary"
    fasttext = "fasttext"
    glove = "glove"
    numpy = "numpy"
    spacy = "spacy"


#: The formats with a file extension of their own. `.bin` and `.txt` are used by several.
_BY_ENDING: Final = {".vec": Format.word2vec, ".npy": Format.numpy}
_COMPRESSED: Final = (".gz", ".bz2", ".xz", ".zst", ".zip")


_File = Annotated[
    Path, typer.Argument(help="The file to write; a folder for spacy.", show_default=False)
]
_Format = Annotated[
    Format | None,
    typer.Option(
        help="By default from the file's extension: word2vec for .vec, numpy for .npy.",
        show_default=False,
    ),
]
_Lang = Annotated[
    str | None,
    typer.Option(
        help="The language of a pipeline for spacy. By default that of MODEL, or xx for any language.",
        show_default=False,
    ),
]


def export_command(
    model: Model,
    file: _File,
    format: _Format = None,
    lang: _Lang = None,
    as_json: AsJson = False,
) -> None:
    """Write the vectors of words, items or nodes as a file that other programs read.

        seqpipe embeddings export runs/wiki-words/model-best words.vec

        seqpipe embeddings export runs/wiki-words/model-best words.bin --format fasttext

        seqpipe embeddings export words.txt.gz vectors --format spacy --lang en

    word2vec is text, and word2vec-binary the same with binary numbers: gensim reads both, by
    load_word2vec_format. glove is text without a first line of sizes. fasttext is a .bin file of that
    library's, the only one with sub-words. numpy is a table, its words in a file beside it. spacy is
    the folder of a pipeline that spacy.load reads without seqpipe, for its [initialize] vectors too.

    An existing file is replaced once the new one is complete; a folder only if seqpipe wrote it.
    Whatever a format can't express is printed.
    """
    format = format or _BY_ENDING.get(file.suffix.lower())
    if format is None:
        raise typer.BadParameter(
            f"{file.name} may be of several formats: name one", param_hint="--format"
        )
    if file.suffix.lower() in _COMPRESSED:
        raise typer.BadParameter(
            f"{file.name} would not be compressed: name it without {file.suffix}", param_hint="FILE"
        )
    if lang is not None and format is not Format.spacy:
        raise typer.BadParameter("only spacy has a language", param_hint="--lang")
    from seqpipe.adapters import save_table
    from seqpipe.cli._redirect import redirected_output
    from seqpipe.cli.embeddings._model import open_model
    from seqpipe.cli.plugins._screen import counted, make_console, print_json, waiting
    from seqpipe.parts.embedders import Exported, export_vectors, limits, words_file

    with waiting(f"loading {model}…") as say, redirected_output():
        opened = open_model(model)
        opened.words()  # raises an error if there's no vocabulary
        say(f"writing {file}…")
        if format is Format.spacy:
            language = lang or (opened.nlp.lang if opened.nlp else "xx")
            exported = Exported(
                save_table(opened.embedder, file, lang=language), tuple(limits(opened.embedder))
            )
        else:
            exported = export_vectors(opened.embedder, file, format.value)
    if as_json:
        told = {"file": str(file), "format": format.value, "words": exported.words}
        print_json({**told, "width": opened.embedder.width, "notes": [*exported.notes]})
        return
    console = make_console()
    console.print(
        f"{file}: {counted(exported.words, 'word')}, {opened.embedder.width} wide, as {format.value}"
    )
    if format is Format.numpy:
        console.print(f"its words: {words_file(file)}")
    for note in exported.notes:
        console.print(f"note: {note}")
