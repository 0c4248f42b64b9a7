from pathlib import Path

import pytest
import spacy

from seqpipe.config import read_text
from seqpipe.run._models import describe


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("reviews.cfg", "reviews"),
        ("bbc-news/pipeline.cfg", "bbc_news"),
        ("20 news (old).cfg", "20_news_old"),
        ("\u0442\u0435\u043a\u0441\u0442.cfg", "pipeline"),
    ],
)
def test_pipeline_is_named_after_its_file_as_packages_are(file, name):
    nlp = spacy.blank("en")
    describe(nlp, read_text("[head]", name=str(Path("somewhere", file))))
    assert (nlp.meta["name"], nlp.meta["version"]) == (name, "0.0.0")


def test_file_may_say_name_and_version():
    nlp = spacy.blank("en")
    describe(nlp, read_text('[pipeline]\nname = "reviews"\nversion = "1.2.3"'))
    assert (nlp.meta["name"], nlp.meta["version"]) == ("reviews", "1.2.3")
