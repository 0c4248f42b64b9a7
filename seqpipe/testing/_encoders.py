"""The contract of encoders."""

import functools

from seqpipe.errors import PluginError
from seqpipe.parts.cells import LSTM
from seqpipe.parts.encoders import Encoder, Recurrent
from seqpipe.testing._cases import ENCODERS
from seqpipe.testing._check import BrokenError, Check, Factory, make_check
from seqpipe.testing._making import as_part, can_be_made, is_documented
from seqpipe.testing._modules import leaves_its_input_alone, module_checks
from seqpipe.testing._speed import compare, task_of

_LSTM = functools.partial(Recurrent, cell=LSTM)


def encoder_checks() -> list[Check]:
    """Return the checks of an encoder."""
    made = make_check(can_be_made, "encoders", Encoder, _make)
    leaves = make_check(leaves_its_input_alone, ENCODERS, needs=(made,))
    return [
        made,
        make_check(is_documented, needs=(made,)),
        leaves,
        *module_checks(ENCODERS, (made,), leaves).values(),
        make_check(speed, needs=(made, leaves)),
    ]


def _make(factory: Factory) -> Encoder:
    try:
        as_part("encoders", factory).default_width()
    except PluginError as error:
        raise BrokenError(str(error)) from error
    case = ENCODERS.case(factory, 1)
    encoder: Encoder = factory(case.input_width, width=case.width)
    if isinstance(encoder, Encoder) and (encoder.input_width, encoder.width) != (
        case.input_width,
        case.width,
    ):
        raise BrokenError("`input_width` and `width` aren't the sizes that it was made with")
    return encoder


def speed(factory: Factory) -> str:
    """How long an encoder takes beside a built-in one with LSTM cells; reported, not checked."""
    case = ENCODERS.large_case(factory)
    mine, theirs = (task_of(ENCODERS.make(each, case), case) for each in (factory, _LSTM))
    return compare(mine, theirs, "seqpipe.Recurrent.v1 with LSTM cells", "32 sequences of 32")
