"""The modules that decide what bits mean, and which of their numbers do not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """A module, the tests of its numbers, and the names in it that decide nothing about what bits mean."""

    module: str
    tests: tuple[str, ...]
    without: tuple[str, ...] = ()


SCOPES = (
    Scope("coding.container", ("header",)),
    Scope("coding.philox", ("randomness",)),
    Scope("coding.codebook", ("randomness",), ("codebook",)),
    # The encoder's search.
    Scope("coding.beam", ("randomness",), ("search", "BINS")),
    Scope("coding.rotation", ("randomness",)),
    # What an encoder measures.
    Scope("coding.tree_code", ("randomness",), ("energies",)),
    Scope("coding.bits", ("payload",)),
    Scope("coding.frequency", ("tables",)),
    # What symbols cost: the encoder's.
    Scope("coding.range_coder", ("tables", "cdc"), ("costs_in_bits", "cost_bits")),
    Scope("coding.portable", ("tables",)),
    Scope("codecs.diffc_payload", ("payload", "header")),
    Scope("codecs.diffc_file", ("header", "payload", "diffc")),
    Scope("codecs.cdc_step", ("tables", "cdc")),
    # The encoder's choice of a model.
    Scope("codecs.cod_payload", ("cod",), ("_shortest", "_ideal_bits", "_earlier")),
    Scope("diffusion.views", ("diffc",)),
    # How much a look costs; how a table is made, and its text.
    Scope("diffusion.pyramid", ("diffc",), ("work",)),
    Scope("diffusion.spectrum", ("diffc",), ("to_text", "from_text", "of_variances")),
    Scope("models.cdc.exact", ("tables", "cdc")),
)

LAST_AXIS = "of reshape: -1 and -2 both mean what is left"
EQUIVALENT: dict[str, tuple[tuple[str, str], ...]] = {
    "coding.container": (("starts with {data[:4]", "in an error message"),),
    "coding.philox": ((".reshape(-1)[:count]", LAST_AXIS),),
    "coding.codebook": (
        ("FEWEST_ROWS = 16", "17 is no power of two, so that halving stops at 16 as before; 32 is tried by hand"),
        ("np.zeros((blocks, 4)", "the generator takes no fifth word"),
        (".reshape(-1)]", LAST_AXIS),
    ),
    "coding.rotation": (
        ("for which in range(", "one more row of signs, that nobody asks for"),
        ("y = padded.reshape(-1", LAST_AXIS),
        ("x.reshape(self._block, -1)", LAST_AXIS),
        ("_hadamard(x: ", "no number of ours"),
        ("lru_cache(maxsize=", "what is remembered"),
    ),
    "coding.tree_code": (
        ("stream=(number, tree, 2))[0]", "a second word that nobody asks for; the stream is tried by hand"),
        ("return cls((dimensions,), (1.0,))", "of one class, there are no proportions"),
        ("SOLVER_STEPS = 200", "more than are ever made"),
        ("scale += missing / (0.5 *", "the way of a solver"),
        ("if missing <= 1e-12 * nats", "below a last digit"),
    ),
    "diffusion.spectrum": (
        ("lru_cache(maxsize=", "what is remembered"),
        ("// max(1, rest)", "a rest of one has one frequency, which is 0"),
        ("reshape(colours, ", LAST_AXIS),
    ),
    "coding.bits": (
        (".reshape(-1, 2)", LAST_AXIS),
        ("return -((number + 1) >> 1)", "adding 2 to an odd number and halving is the same; the rest is tried by hand"),
    ),
    "coding.frequency": (
        ("sizes = (5 * SCALES", "edges beyond those that a table keeps; fewer are tried by hand"),
        ("2.0 * float(tails[reach])", "always below the least that is left for an escape"),
        ("if self.medians.ndim == 1", "no prior has that many channels"),
        ("np.where(low + high > 0.0", "either side will do in the middle, as the comment says"),
        ("np.rint(probabilities * TOTAL), 1.0)", "rounded afterwards; 2.0 is tried by hand"),
    ),
    "coding.range_coder": (
        ("an index is outside 0..", "in an error message"),
        ("LONGEST_EXTRA = 22", "more digits than the number of any symbol has; 20 is tried by hand"),
        ("if lower + (1 << 32) - 1", "the last 1 decides one state in 2^64; the others are tried by hand"),
    ),
    "coding.portable": (("SERIES_TERMS = 32", "the thirty-third term is below a last digit; fewer are tried by hand"),),
    "codecs.diffc_file": (("self._parameters(), payload_bytes, 0)", "a check value, of which the length is taken"),),
    "codecs.cod_payload": (
        ("codes.reshape(-1, 1)", LAST_AXIS),
        ("self._right_of, self._below = np.zeros", "rows that are never looked at"),
    ),
    "codecs.cdc_step": (
        ("low, high = 1 << INVERSE_BITS", "bounds of a search"),
        ("middle = (low + high + 1)", "the way of a search"),
    ),
    "models.cdc.exact": (
        ("FINEST_WEIGHT_BITS = 32", "no weights are so small; 26 is tried by hand"),
        ("torch.where(h < 0", "whole numbers: a fifth of 0 is 0"),
    ),
}
"""Module -> (what stands in a line, why its numbers may change without changing what bits mean)."""
