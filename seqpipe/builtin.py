"""seqpipe's own parts, provided through the same hooks as those of plugins.

They are references, so listing them imports none of them.
"""

from seqpipe.hookspecs import Factories, hookimpl


@hookimpl
def seqpipe_tokenizers() -> Factories:
    """Provide the built-in tokenizers."""
    return {
        "seqpipe.SpacyRules.v1": "seqpipe.parts.tokenizers:SpacyRules",
        "seqpipe.Whitespace.v1": "seqpipe.parts.tokenizers:Whitespace",
        "seqpipe.Regex.v1": "seqpipe.parts.tokenizers:Regex",
        "seqpipe.Characters.v1": "seqpipe.parts.tokenizers:Characters",
    }


@hookimpl
def seqpipe_embedders() -> Factories:
    """Provide the built-in embedders."""
    return {
        "seqpipe.CounterFitted.v1": "seqpipe.parts.embedders:CounterFitted",
        "seqpipe.FastText.v1": "seqpipe.parts.embedders:FastText",
        "seqpipe.FastText.v2": "seqpipe.parts.embedders:FastText2",
        "seqpipe.Pretrained.v1": "seqpipe.parts.embedders:Pretrained",
        "seqpipe.Retrofitted.v1": "seqpipe.parts.embedders:Retrofitted",
        "seqpipe.Word2Vec.v1": "seqpipe.parts.embedders:Word2Vec",
        "seqpipe.Word2Vec.v2": "seqpipe.parts.embedders:Word2Vec2",
    }


@hookimpl
def seqpipe_cells() -> Factories:
    """Provide the built-in cells."""
    return {
        "seqpipe.RNN.v1": "seqpipe.parts.cells:RNN",
        "seqpipe.LSTM.v1": "seqpipe.parts.cells:LSTM",
        "seqpipe.PeepholeLSTM.v1": "seqpipe.parts.cells:PeepholeLSTM",
        "seqpipe.CoupledLSTM.v1": "seqpipe.parts.cells:CoupledLSTM",
        "seqpipe.LayerNormLSTM.v1": "seqpipe.parts.cells:LayerNormLSTM",
        "seqpipe.GRU.v1": "seqpipe.parts.cells:GRU",
        "seqpipe.ResetBeforeGRU.v1": "seqpipe.parts.cells:ResetBeforeGRU",
    }


@hookimpl
def seqpipe_encoders() -> Factories:
    """Provide the built-in encoders."""
    return {
        "seqpipe.Convolutional.v1": "seqpipe.parts.encoders:Convolutional",
        "seqpipe.Recurrent.v1": "seqpipe.parts.encoders:Recurrent",
        "seqpipe.SelfAttention.v1": "seqpipe.parts.encoders:SelfAttention",
        "seqpipe.Stacked.v1": "seqpipe.parts.encoders:Stacked",
    }


@hookimpl
def seqpipe_heads() -> Factories:
    """Provide the built-in heads."""
    return {
        "seqpipe.Crf.v1": "seqpipe.parts.heads:Crf",
        "seqpipe.Regressor.v1": "seqpipe.parts.heads:Regressor",
        "seqpipe.TextClassifier.v1": "seqpipe.parts.heads:TextClassifier",
        "seqpipe.TextClassifier.v2": "seqpipe.parts.heads:TextClassifier2",
        "seqpipe.OrdinalClassifier.v1": "seqpipe.parts.heads:OrdinalClassifier",
        "seqpipe.PairClassifier.v1": "seqpipe.parts.heads:PairClassifier",
        "seqpipe.PairRegressor.v1": "seqpipe.parts.heads:PairRegressor",
        "seqpipe.TokenClassifier.v1": "seqpipe.parts.heads:TokenClassifier",
    }


@hookimpl
def seqpipe_tasks() -> Factories:
    """Provide the built-in tasks."""
    return {
        "seqpipe.Entities.v1": "seqpipe.tasks.words:Entities",
        "seqpipe.Numbers.v1": "seqpipe.tasks.numbers:Numbers",
        "seqpipe.OrderedClasses.v1": "seqpipe.tasks.ordered_classes:OrderedClasses",
        "seqpipe.TextClasses.v1": "seqpipe.tasks.text_classes:TextClasses",
        "seqpipe.TokenLabels.v1": "seqpipe.tasks.words:TokenLabels",
    }


@hookimpl
def seqpipe_classifiers() -> Factories:
    """Provide the built-in classifiers."""
    return {
        "seqpipe.FastTextClassifier.v1": "seqpipe.parts.classifiers:FastTextClassifier",
        "seqpipe.NGramClassifier.v1": "seqpipe.parts.classifiers:NGramClassifier",
    }
