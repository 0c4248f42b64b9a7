"""Edge lists and matrices as streams."""

import lzma

import numpy as np
import pytest
from scipy import sparse
from seqpipe.errors import ConfigError, DataError

from seqpipe_graph import Edge, Graph
from seqpipe_graph._edges import Edges
from seqpipe_graph._npz import Npz


@pytest.fixture
def write(tmp_path):
    def write(text, name="edges.txt"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


def test_lines_are_edges(write):
    path = write("\ufeff# comment\nb a\n\n  a\tc  \r\nd\n")
    assert list(Edges(path).stream()) == [("a", "b"), ("a", "c"), ("d",)]
    assert list(Edges(path, directed=True).stream()) == [("b", "a"), ("a", "c"), ("d",)]


def test_each_stream_begins_anew(write):
    reader = Edges(write("a b\nb c\n"))
    stream = reader.stream()
    next(stream)
    assert len(list(reader.stream())) == 2
    assert reader == Edges(reader._path)
    assert reader != Edges(reader._path, directed=True)


def test_separators_leave_blanks_in_names(write):
    path = write("Mme Thénardier,Cosette,4\nJean Valjean, Cosette ,31\n")
    edges = list(Edges(path, separator=",", weighted=True).stream())
    assert edges == [("Cosette", "Mme Thénardier"), ("Cosette", "Jean Valjean")]
    assert [edge.weight for edge in edges] == [4.0, 31.0]


def test_comments_may_begin_otherwise_or_be_none(write):
    assert list(Edges(write("% no\n1 2\n"), comment="%").stream()) == [("1", "2")]
    assert list(Edges(write("#1 #2\n"), comment="").stream()) == [("#1", "#2")]


def test_compressed_files_are_read(write):
    path = write(lzma.compress(b"a b\n"), "edges.txt.xz")
    assert list(Edges(path).stream()) == [("a", "b")]


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("a b\na\n", {"separator": ","}, None),
        ("a,b\n,c\n", {"separator": ","}, r":2: it should name two nodes.* ',c'"),
        ("a b 1\na c\n", {"weighted": True}, r":2: its third column should be a weight"),
        ("a b x\n", {"weighted": True}, r":1: its third column"),
        ("a b\nc \xff\n".encode("latin-1"), {}, r":2: the byte 0xFF"),
        ("# only this\n\n", {}, "holds no edges"),
    ],
)
def test_bad_lines_are_told_with_their_number(write, text, settings, message):
    reader = Edges(write(text), **settings)
    if message is None:
        assert list(reader.stream()) == [("a b",), ("a",)]
        return
    with pytest.raises(DataError, match=message):
        list(reader.stream())


def test_weights_that_cant_be_used_are_told_when_the_graph_is_made(write):
    for weight in ("-1", "nan", "inf"):
        with pytest.raises(DataError, match=r"path 1.* weighs"):
            Graph.from_edges(Edges(write(f"a b {weight}"), weighted=True).stream())


def test_settings_are_checked():
    with pytest.raises(ConfigError, match="path is empty"):
        Edges("")
    with pytest.raises(ConfigError, match="separator is empty"):
        Edges("edges.txt", separator="")
    with pytest.raises(ConfigError, match="is empty"):
        Npz("graph.npz", names="")


def save(path, dense):
    sparse.save_npz(path, sparse.csr_matrix(dense))
    return str(path)


@pytest.mark.parametrize("half", [np.asarray, np.triu, np.tril], ids=["both", "upper", "lower"])
def test_matrices_give_each_edge_once(tmp_path, write, half):
    dense = np.array([[4, 2, 0, 0], [2, 0, 3, 0], [0, 3, 0, 0], [0, 0, 0, 0]])
    path = save(tmp_path / "graph.npz", half(dense))
    names = write("d\nc\nb\na\n", "names.txt")
    edges = list(Npz(path, names=names).stream())
    assert sorted(edges) == [("a",), ("b", "c"), ("c", "d"), ("d", "d")]
    assert {edge: edge.weight for edge in edges if isinstance(edge, Edge)} == {
        ("b", "c"): 3.0,
        ("c", "d"): 2.0,
        ("d", "d"): 4.0,
    }


def test_matrices_may_be_directed(tmp_path):
    path = save(tmp_path / "graph.npz", np.array([[0, 2], [1, 0]]))
    edges = list(Npz(path, directed=True).stream())
    assert [(edge, edge.weight) for edge in edges] == [(("0", "1"), 2.0), (("1", "0"), 1.0)]
    with pytest.raises(DataError, match=r"isn't symmetric.* set `directed`"):
        list(Npz(path).stream())


def test_files_that_are_no_matrix_are_refused(tmp_path, write):
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    good = (tmp_path / "good.npz", np.eye(3))
    whole = (tmp_path / "good.npz", save(*good))[0].read_bytes()
    bad = [str(tmp_path / "other.npz"), write("no", "no.npz"), write("", "empty.npz")]
    bad += [write(whole[:size], f"{size}.npz") for size in range(0, len(whole), 97)]
    bad.append(save(tmp_path / "wide.npz", np.ones((2, 3))))
    bad.append(save(tmp_path / "complex.npz", np.ones((2, 2)) * 1j))
    for path in bad:
        with pytest.raises(DataError):
            list(Npz(path).stream())


def test_names_must_fit_the_matrix(tmp_path, write):
    path = save(tmp_path / "graph.npz", np.eye(3))
    for text in ("a\nb\n", "a\nb\na\n"):
        with pytest.raises(DataError, match=r"names\.txt has . names.* has 3 rows"):
            list(Npz(path, names=write(text, "names.txt")).stream())
