"""A plugin for seqpipe: recurrent cells that the LSTM becomes when something is left out or added.

This module is imported whenever somebody lists the installed plugins, so it holds the hook only. A
part is named by the place of its class, "module:Class", and imported when a pipeline file asks for
it.
"""

from seqpipe.hookspecs import Factories, hookimpl

__all__ = ["seqpipe_cells"]


@hookimpl
def seqpipe_cells() -> Factories:
    """Offer the cells of this package."""
    return {
        "lstm_variants.NoInputGate.v1": "seqpipe_lstm_variants._ablations:NoInputGate",
        "lstm_variants.NoForgetGate.v1": "seqpipe_lstm_variants._ablations:NoForgetGate",
        "lstm_variants.NoOutputGate.v1": "seqpipe_lstm_variants._ablations:NoOutputGate",
        "lstm_variants.NoInputActivation.v1": "seqpipe_lstm_variants._ablations:NoInputActivation",
        "lstm_variants.NoOutputActivation.v1": "seqpipe_lstm_variants._ablations:NoOutputActivation",
        "lstm_variants.ChosenFunctions.v1": "seqpipe_lstm_variants._functions:ChosenFunctions",
        "lstm_variants.FullGateRecurrence.v1": "seqpipe_lstm_variants._fgr:FullGateRecurrence",
        "lstm_variants.MGU.v1": "seqpipe_lstm_variants._mgu:MGU",
        "lstm_variants.JANET.v1": "seqpipe_lstm_variants._janet:JANET",
        "lstm_variants.RAN.v1": "seqpipe_lstm_variants._ran:RAN",
        "lstm_variants.IndRNN.v1": "seqpipe_lstm_variants._indrnn:IndRNN",
        "lstm_variants.MinimalRNN.v1": "seqpipe_lstm_variants._minimal_rnn:MinimalRNN",
    }
