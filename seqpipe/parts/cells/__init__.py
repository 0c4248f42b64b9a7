"""Cells: one step of a recurrent network each."""

from seqpipe.parts.cells._contract import Cell as Cell
from seqpipe.parts.cells._contract import CellFactory as CellFactory
from seqpipe.parts.cells._contract import State as State
from seqpipe.parts.cells._gated import GatedCell as GatedCell
from seqpipe.parts.cells._gated import Masks as Masks
from seqpipe.parts.cells._gru import GRU as GRU
from seqpipe.parts.cells._gru import ResetBeforeGRU as ResetBeforeGRU
from seqpipe.parts.cells._layer_norm import LayerNormLSTM as LayerNormLSTM
from seqpipe.parts.cells._lstm import LSTM as LSTM
from seqpipe.parts.cells._peephole import CoupledLSTM as CoupledLSTM
from seqpipe.parts.cells._peephole import PeepholeCell as PeepholeCell
from seqpipe.parts.cells._peephole import PeepholeLSTM as PeepholeLSTM
from seqpipe.parts.cells._rnn import RNN as RNN
from seqpipe.parts.initialisers import InputInit as InputInit
from seqpipe.parts.initialisers import RecurrentInit as RecurrentInit

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Cell",
    "CellFactory",
    "CoupledLSTM",
    "GatedCell",
    "InputInit",
    "LayerNormLSTM",
    "Masks",
    "PeepholeCell",
    "PeepholeLSTM",
    "RecurrentInit",
    "ResetBeforeGRU",
    "State",
]
