"""A pipeline's folder is read and written as a whole, whatever happens to it meanwhile."""

import os
import shutil
import stat
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import spacy
from adapters.adapter_examples import Letters, encoder_config, vectors_nlp
from spacy.training import Example
from thinc.api import Config

from seqpipe import __version__, storage
from seqpipe.adapters import EmbedderVectors, TorchShim, _whole
from seqpipe.errors import SavedModelError
from seqpipe.plugins import Owner, Part, find_part
from seqpipe.storage import ReplacedError, _in_place

TEXT = "the film was good"


def make_nlp(seed):
    """Return a pipeline whose config, vectors, encoder and labels all tell which it is."""
    tokenizer = {
        "@tokenizers": "seqpipe.Tokenizer.v1",
        "tokenizer": {"@seqpipe_tokenizers": "seqpipe.Whitespace.v1"},
    }
    nlp = spacy.blank("en", config={"nlp": {"tokenizer": tokenizer, "batch_size": 100 + seed}})
    cell = {"@seqpipe_cells": "seqpipe.RNN.v1"}
    encoder = {"@seqpipe_encoders": "seqpipe.Recurrent.v1", "width": 4, "cell": cell}
    model = encoder_config(trained_width=3, trained_rows=20, encoder=encoder)
    nlp.add_pipe("tagger", config={"model": {"tok2vec": model}})
    nlp.vocab.strings.add(f"word-{seed}")
    nlp.config["training"]["seed"] = seed
    example = Example.from_dict(nlp.make_doc("film"), {"tags": [f"label-{seed}"]})
    nlp.initialize(lambda: [example])
    return nlp


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Return the folders of two models, saved whole."""
    folder = tmp_path_factory.mktemp("models")
    for number in (0, 1):
        storage.write_folder(folder / str(number), make_nlp(number).to_disk)
    return [folder / "0", folder / "1"]


def which(nlp):
    """Return which model a pipeline is, from everything that tells."""
    label = nlp.get_pipe("tagger").labels[0]
    seen = {
        nlp.batch_size - 100,
        nlp.config["training"]["seed"],
        int(label.removeprefix("label-")),
        *(number for number in (0, 1) if f"word-{number}" in nlp.vocab.strings),
    }
    assert len(seen) == 1, seen
    return seen.pop()


class Files:
    """Counts what's done to files below a folder, and does something at one of these moments.

    The hook can't be removed: it's added when it's first needed, and does nothing between calls of `watch`.
    """

    def __init__(self):
        self.below, self.count, self.at, self.act = None, 0, 0, None
        self.is_hooked = False

    def hook(self, event, arguments):
        if self.below is None or event.partition(".")[0] not in ("open", "os", "shutil"):
            return
        if not any(str(a).startswith(self.below) for a in arguments[:2]):
            return
        self.count += 1
        if self.count >= self.at > 0:
            self.act()

    def watch(self, folder, work, *, at=0, act=None):
        """Do some work, and return what it does, with `act` called at its n-th step and at later ones."""
        if not self.is_hooked:
            sys.addaudithook(self.hook)
            self.is_hooked = True
        self.count, self.at, self.act, self.below = 0, at, act, str(folder)
        try:
            return work()
        finally:
            self.below = None


FILES = Files()


class Killed(BaseException):
    """Stands for the end of the process: once it was raised, nothing can be done to files any more."""


def test_a_model_replaced_while_it_is_read_is_whole_or_an_error(models, tmp_path):
    target, other = tmp_path / "model", tmp_path / "other"
    seen = []

    def swap():
        FILES.below = None
        target.rename(tmp_path / "old")
        other.rename(target)

    FILES.watch(target, lambda: shutil.copytree(models[0], target))
    FILES.watch(target, lambda: spacy.load(target))
    for step in range(1, FILES.count + 1):
        for place in (target, other, tmp_path / "old"):
            shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(models[0], target)
        shutil.copytree(models[1], other)
        try:
            seen.append(which(FILES.watch(target, lambda: spacy.load(target), at=step, act=swap)))
        except ReplacedError as error:
            assert "replaced while it was read: load it again" in str(error)
            seen.append("replaced")
    assert seen[0] == 1
    assert seen.count("replaced") > 5
    assert seen == sorted(seen, key=[1, "replaced", 0].index)


def visible(folder):
    """Yield path and content of each file that isn't hidden; what is, spaCy and parts don't read."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in inside.parts):
            yield str(inside), path.read_bytes()


@pytest.mark.parametrize("old", [0, None])
def test_a_save_in_place_killed_at_any_step_leaves_one_model_or_says_so(models, tmp_path, old):
    target, saved = tmp_path / "model", tmp_path / "saved"
    new = spacy.load(models[1])
    spacy.load(models[0]).to_disk(saved)
    known, seen = {}, []

    def die():
        raise Killed

    def reset():
        shutil.rmtree(target, ignore_errors=True)
        if old is not None:
            shutil.copytree(saved, target)

    def load():
        try:
            return which(spacy.load(target))
        except SavedModelError as error:
            assert "interrupted" in str(error)
            return "interrupted"
        except OSError as error:
            assert old is None and ("E052" in str(error) or "E053" in str(error))
            return "none"

    reset()
    FILES.watch(target, lambda: new.to_disk(target))
    steps = FILES.count
    for step in range(1, steps + 1):
        reset()
        with pytest.raises(Killed):
            FILES.watch(target, lambda: new.to_disk(target), at=step, act=die)
        state = tuple(visible(target))
        if state not in known:
            known[state] = load()
        seen.append(known[state])
    new.to_disk(target)
    assert which(spacy.load(target)) == 1
    assert not [p for p in target.iterdir() if "seqpipe-saving" in p.name]
    assert seen == sorted(seen, key=["none", 0, "interrupted", 1].index)
    # Before any of the files is moved, the old model is whole.
    assert seen.count("none" if old is None else old) > steps / 2


def test_a_save_that_fails_leaves_the_old_model(models, tmp_path, monkeypatch):
    target = tmp_path / "model"
    spacy.load(models[0]).to_disk(target)
    new = spacy.load(models[1])

    def fail(self):
        raise OSError("no space left")

    monkeypatch.setattr(TorchShim, "to_bytes", fail)
    with pytest.raises(OSError, match="no space left"):
        new.to_disk(target)
    monkeypatch.undo()
    assert which(spacy.load(target)) == 0


def test_saving_into_a_folder_keeps_what_else_is_there(models, tmp_path):
    nlp = spacy.load(models[0])
    (tmp_path / "notes.txt").write_text("mine")
    nlp.to_disk(tmp_path)
    before = (tmp_path / "vocab" / "strings.json").read_bytes()
    spacy.load(models[1]).to_disk(tmp_path, exclude=["vocab"])
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "vocab" / "strings.json").read_bytes() == before


@pytest.mark.parametrize("whole", [True, False])
def test_a_log_beside_the_model_may_grow_while_it_is_read(models, tmp_path, whole):
    model = tmp_path / "model"
    if whole:
        shutil.copytree(models[0], model)
    else:
        spacy.load(models[0]).to_disk(model)
    log = model / "service.log"

    def append():
        FILES.below = None
        with log.open("a") as file:
            file.write("loading\n")

    FILES.watch(model, lambda: spacy.load(model))
    steps = FILES.count
    for step in (1, steps // 2, steps - 1):
        assert which(FILES.watch(model, lambda: spacy.load(model), at=step, act=append)) == 0
    assert log.read_text() == "loading\n" * 3


def test_a_folder_is_saved_into_by_one_at_a_time(models, tmp_path):
    target = tmp_path / "model"
    nlp = spacy.load(models[1])
    with storage.written_in_place(target) as new:
        (new / "config.cfg").write_text("first")
        with pytest.raises(SavedModelError, match="is being written by another process"):
            nlp.to_disk(target)
        assert (new / "config.cfg").is_file()
    assert (target / "config.cfg").read_text() == "first"
    nlp.to_disk(target)
    assert which(spacy.load(target)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_killed_save_of_a_whole_model_leaves_no_lock_of_the_pipelines(tmp_path):
    seen = []

    def write(folder):
        with storage.written_in_place(folder) as new:
            (new / "config.cfg").touch()
            seen.extend(path.name for path in tmp_path.iterdir() if path != folder)

    storage.write_folder(tmp_path / "model", write)
    # The next save takes and removes this one, as its name is always the same.
    assert seen == [".model.seqpipe-lock"]
    storage.verify_folder(tmp_path / "model")


def test_files_that_vanish_before_they_are_moved_leave_an_interrupted_save(tmp_path, monkeypatch):
    target = tmp_path / "model"
    with pytest.raises(FileNotFoundError), storage.written_in_place(target) as new:
        monkeypatch.setattr(_in_place, "discard_manifest", lambda _: shutil.rmtree(new))
    assert storage.is_marked(target)


def test_saving_into_a_folder_writes_nothing_beside_it_where_that_is_forbidden(
    tmp_path, monkeypatch
):
    target = tmp_path / "model"
    # Even for root, whom no permission stops.
    monkeypatch.setattr(_in_place.os, "access", lambda path, mode: Path(path) != tmp_path)
    with storage.written_in_place(target) as new:
        (new / "config.cfg").touch()
        assert [path.name for path in tmp_path.iterdir()] == ["model"]
        with (
            pytest.raises(SavedModelError, match="being written"),
            storage.written_in_place(target),
        ):
            pass
    assert [path.name for path in target.iterdir()] == ["config.cfg"]


def test_damage_is_found_where_the_vectors_are_spacys_too(models, tmp_path):
    model = shutil.copytree(models[0], tmp_path / "model")
    content = bytearray((model / "tagger" / "model").read_bytes())
    content[len(content) // 2] ^= 1
    (model / "tagger" / "model").write_bytes(content)
    with pytest.raises(SavedModelError, match="tagger/model has other content"):
        spacy.load(model)


def test_plugins_whose_parts_are_used_must_be_installed(monkeypatch):
    owners = {"acme.Cell.v1": Owner("acme-cells", "2.3.1+local"), "mine.v1": Owner("mine", "")}

    def find(kind, name):
        return Part(kind, name, dict, owners[name]) if name in owners else find_part(kind, name)

    monkeypatch.setattr(_whole, "find_part", find)
    cells = [{"@seqpipe_cells": name} for name in (*owners, "seqpipe.RNN.v1")]
    components = {str(number): {"model": {"cell": cell}} for number, cell in enumerate(cells)}
    nlp = SimpleNamespace(
        config=Config({"nlp": {}, "components": components}),
        meta={"requirements": ["more>=1", "seqpipe>=0.0.1"]},
    )
    wanted = ["more>=1", f"seqpipe>={__version__}", "acme-cells>=2.3.1,<3"]
    assert _whole.requirements(nlp) == wanted
    # Another spelling of the same, and a plugin whose part was replaced.
    monkeypatch.setattr(_whole, "host", lambda: SimpleNamespace(owners=[Owner("acme.old", "1.0")]))
    nlp.meta["requirements"] = ["acme_old>=1", "Acme_Cells>=1", *wanted]
    assert _whole.requirements(nlp) == wanted


def test_extras_that_parts_need_are_required(monkeypatch):
    class Plain:
        pass

    class Needs:
        extras = ("fast",)

    factories = {"acme.Plain.v1": Plain, "acme.Needs.v1": Needs, "acme.Other.v1": Plain}
    owner = Owner("acme-cells", "2.3.1")
    monkeypatch.setattr(
        _whole, "find_part", lambda kind, name: Part(kind, name, factories[name], owner)
    )
    components = {str(n): {"@seqpipe_cells": name} for n, name in enumerate(factories)}
    nlp = SimpleNamespace(config=Config({"nlp": {}, "components": components}), meta={})
    wanted = [f"seqpipe>={__version__}", "acme-cells[fast]>=2.3.1,<3"]
    assert _whole.requirements(nlp) == wanted
    nlp.meta["requirements"] = wanted
    assert _whole.requirements(nlp) == wanted


def test_a_pipeline_of_spacys_alone_is_left_to_spacy(tmp_path):
    nlp = spacy.blank("en")
    nlp.to_disk(tmp_path / "model")
    assert "requirements" not in nlp.meta
    assert "requirements" not in spacy.load(tmp_path / "model").meta


def test_a_loaded_pipeline_may_read_another_model(models):
    nlp = spacy.load(models[0])
    other = spacy.load(models[1])
    other.from_disk(models[0])
    assert other.get_pipe("tagger").labels == nlp.get_pipe("tagger").labels


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("umask", [0o022, 0o027])
def test_permissions_follow_the_umask(tmp_path, umask, whole):
    class Private(Letters):
        """Writes as libraries do that make temporary files."""

        def to_disk(self, path):
            super().to_disk(path)
            (path / "deep").chmod(0o700)
            (path / "deep" / "words.json").chmod(0o600)

    nlp = vectors_nlp()
    embedder = Private()
    embedder.fit([["film"]])
    nlp.vocab.vectors = EmbedderVectors(strings=nlp.vocab.strings, embedder=embedder)
    before = os.umask(umask)
    try:
        if whole:
            storage.write_folder(tmp_path / "model", nlp.to_disk)
        else:
            nlp.to_disk(tmp_path / "model")
    finally:
        os.umask(before)
    for path in [tmp_path / "model", *(tmp_path / "model").rglob("*")]:
        expected = (0o777 if path.is_dir() else 0o666) & ~umask
        assert stat.S_IMODE(path.stat().st_mode) == expected, path
