"""Seeds for the library."""

import hashlib


def library_seed(seed: int) -> int:
    """Return what the library is to be told in the place of a seed: from 1 on, far from its neighbours'.

    The library starts its ten blocks of random numbers at seed, seed + 1, ...: those of neighbouring
    seeds would be the same numbers, shifted.
    """
    digest = hashlib.blake2b(str(seed).encode(), digest_size=4).digest()
    return 1 + int.from_bytes(digest, "little") % 2**30
