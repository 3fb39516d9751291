"""Symbols to bytes and back, by range coding with integer frequency tables.

The range coder is that of the library `constriction` (32-bit words, 64-bit state, 24-bit probabilities), whose
`Categorical(p, perfect=False)` turns n floats into integers: entry i begins at floor(c_i (2^24 - n) / sum(p)) + i,
c_i being the sum of the entries before it, so that counts / 2^24 would come out as other counts. Given counts - 1
instead, which sum to 2^24 - n, the factor is exactly 1 and every float on the way a whole number below 2^24: what a
bit means depends on our integers alone (`perfect=True` searches with logarithms, and moves counts).

A symbol outside its table's range is coded as the table's escape. Its distance d = 0, 1, 2 ... from the nearest symbol
that the table might have held as well gives a number, 2 d + 1 above the range and 2 d + 2 below it, and the numbers
follow after the run in Elias gamma code: how many digits each has, at the price of a unary code, then of each that has
more than one all digits but the first.

The bytes are those of one long fraction, most significant first: the smallest multiple of 256^-n in the coder's final
interval, n being the fewest bytes for which an interval of that width holds one wherever it lies. So every sequence of
symbols has one sequence of bytes, whose length follows from what the symbols cost, and a decoder tells any other apart
from it by coding again what it decoded.

Sources: Bamler 2022, "Understanding entropy coding with asymmetric numeral systems" (the library); Martin 1979, "Range
encoding"; Elias 1975, "Universal codeword sets".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from constriction import stream
from numpy.typing import NDArray

from diffdemo.coding.frequency import TOTAL_BITS, FrequencyTable
from diffdemo.errors import CorruptBitstream

# normative: all of this file but `cost_bits`.
STATE_BYTES = 8
STATE_BITS = 8 * STATE_BYTES
LARGEST_SYMBOL = (1 << 20) - 1
LONGEST_EXTRA = 22
"""Most digits after the first that the number of an escape can have."""
MAX_COST_BITS = TOTAL_BITS + 2 * LONGEST_EXTRA
"""Bits that a symbol can take: a count of one for the escape, the unary code of its digits, and the digits."""
# Powers of two as a unary code would have them; the last two share what is left.
EXTRA_COUNTS = np.array([1 << TOTAL_BITS >> min(i + 1, LONGEST_EXTRA) for i in range(LONGEST_EXTRA + 1)], np.int64)

DAMAGED = "The file is damaged: {}. Only an intact copy of it can be decoded."


class SymbolEncoder:
    """Collects symbols; `to_bytes` may be called at any time."""

    def __init__(self) -> None:
        self._coder = stream.queue.RangeEncoder()

    def encode(self, symbols: NDArray[np.int32], table: FrequencyTable) -> None:
        """Append a run of symbols that share a table.

        Args:
            symbols: int32 [count], magnitudes below 2^20.
            table: what they are expected to be.

        Raises:
            ValueError: if a magnitude is too large.
        """
        if not symbols.size:
            return
        _require_small(symbols)
        positions = _positions(symbols, table.lowest, table.escape)
        self._coder.encode(positions, _model(table.counts))
        escaped = symbols[positions == table.escape]
        if escaped.size:
            numbers = _escape_numbers(escaped, table.lowest, table.highest)
            extra = _extra_digits(numbers)
            self._coder.encode(extra, _model(EXTRA_COUNTS))
            # An alphabet of one symbol needs no code and would not be accepted.
            long = extra > 0
            sizes = np.left_shift(1, extra[long], dtype=np.int32)
            if sizes.size:
                self._coder.encode(numbers[long] - sizes, stream.model.Uniform(), sizes)

    def encode_indexed(
        self, symbols: NDArray[np.int32], indices: NDArray[np.integer], tables: Sequence[FrequencyTable]
    ) -> None:
        """Append symbols that have a table each: all of table 0 in raster order, then all of table 1, and so on.

        Args:
            symbols: int32 of any shape, magnitudes below 2^20.
            indices: of the same shape, number of each symbol's table.
            tables: any number of them.

        Raises:
            ValueError: if shapes differ, an index has no table, or a magnitude is too large; nothing was appended.
        """
        _require_match(symbols, indices)
        _require_small(symbols)
        flat = symbols.ravel()
        for index, members in _groups(indices, len(tables)):
            self.encode(flat[members], tables[index])

    def to_bytes(self) -> bytes:
        """All symbols so far: at most a byte more than their cost."""
        if self._coder.is_empty():
            return b""
        words = self._coder.get_compressed()
        position, (lower, width) = self._coder.pos()
        settled = words[:position].astype(">u4").tobytes()
        kept = STATE_BYTES - (width.bit_length() - 1) // 8
        point = int.from_bytes(settled, "big") << STATE_BITS
        # The library ends in another point of the interval, 2^32 - 1 above `lower`. Where that one carries, so does
        # ours, to the same words and zeros after them, and the words in hand have been raised already.
        if lower + (1 << 32) - 1 < 1 << STATE_BITS:
            point += _round_up(lower, STATE_BITS - 8 * kept)
        return point.to_bytes(len(settled) + STATE_BYTES, "big")[: len(settled) + kept]


class SymbolDecoder:
    """Reads what `SymbolEncoder` wrote.

    Args:
        data: all of its bytes. Bytes that no encoder wrote decode to something, or raise; `require_end` tells.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._coder = stream.queue.RangeDecoder(np.frombuffer(data + bytes(-len(data) % 4), ">u4").astype(np.uint32))
        self._echo = SymbolEncoder()

    def decode(self, count: int, table: FrequencyTable) -> NDArray[np.int32]:
        """The next `count` symbols, which share a table.

        Raises:
            CorruptBitstream: if no encoder writes such bytes.
        """
        symbols = self._run(count, table)
        self._echo.encode(symbols, table)
        return symbols

    def decode_indexed(self, indices: NDArray[np.integer], tables: Sequence[FrequencyTable]) -> NDArray[np.int32]:
        """Symbols that have a table each: int32 of the shape of `indices`, see `SymbolEncoder.encode_indexed`.

        Raises:
            ValueError: if an index has no table.
            CorruptBitstream: if no encoder writes such bytes.
        """
        flat = np.empty(indices.size, np.int32)
        for index, members in _groups(indices, len(tables)):
            flat[members] = self.decode(len(members), tables[index])
        return flat.reshape(indices.shape)

    def require_end(self) -> None:
        """Check that the symbols so far are all there are: encoded again, they must give the same bytes.

        Finds all bytes in excess, and nearly all that are missing: one or two may leave another whole stream behind.

        Raises:
            CorruptBitstream: if there are bytes too many, too few, or others than an encoder writes.
        """
        if self._echo.to_bytes() != self._data:
            raise CorruptBitstream(DAMAGED.format("its picture data do not end where they should"))

    def _run(self, count: int, table: FrequencyTable) -> NDArray[np.int32]:
        positions = self._symbols(_model(table.counts), count)
        symbols = positions + np.int32(table.lowest)
        escaped = positions == table.escape
        if escaped.any():
            extra = self._symbols(_model(EXTRA_COUNTS), int(escaped.sum()))
            numbers = np.left_shift(1, extra, dtype=np.int32)
            long = extra > 0
            if long.any():
                numbers[long] += self._symbols(stream.model.Uniform(), numbers[long])
            distance = numbers - 1 >> 1
            symbols[escaped] = np.where(numbers & 1, table.highest + 1 + distance, table.lowest - 1 - distance)
            if int(np.abs(symbols[escaped]).max()) > LARGEST_SYMBOL:
                raise CorruptBitstream(DAMAGED.format("its picture data hold a number that is too large"))
        return symbols

    def _symbols(self, model: stream.model.Model, count_or_sizes: int | NDArray[np.int32]) -> NDArray[np.int32]:
        try:
            symbols: NDArray[np.int32] = self._coder.decode(model, count_or_sizes)
        except AssertionError as error:  # The library's word for a point outside every symbol's interval.
            raise CorruptBitstream(DAMAGED.format("its picture data hold bits that no encoder writes")) from error
        return symbols


def cost_bits(symbols: NDArray[np.int32], indices: NDArray[np.integer], tables: Sequence[FrequencyTable]) -> float:
    """Length of `encode_indexed`'s output in bits, escapes included: exact but for the coder's end and rounding.

    Args:
        symbols, indices, tables: as for `SymbolEncoder.encode_indexed`.

    Raises:
        ValueError: as there.
    """
    return float(costs_in_bits(symbols, indices, tables).sum())


def costs_in_bits(
    symbols: NDArray[np.int32], indices: NDArray[np.integer], tables: Sequence[FrequencyTable]
) -> NDArray[np.float64]:
    """What each symbol takes in the output of `encode_indexed`, in bits, in the shape of the symbols.

    Args:
        symbols, indices, tables: as for `SymbolEncoder.encode_indexed`.

    Raises:
        ValueError: as there.
    """
    _require_match(symbols, indices)
    _require_small(symbols)
    _require_known(indices, len(tables))
    sizes = np.array([len(table.counts) for table in tables], np.int64)
    lowest = np.array([table.lowest for table in tables], np.int32)
    starts = np.cumsum(sizes) - sizes
    bits = TOTAL_BITS - np.log2(np.concatenate([table.counts for table in tables]))
    escape = (sizes - 1).astype(np.int32)[indices]
    positions = _positions(symbols, lowest[indices], escape)
    costs: NDArray[np.float64] = bits[starts[indices] + positions]
    outside = positions == escape
    if outside.any():
        first = lowest[indices[outside]]
        numbers = _escape_numbers(symbols[outside], first, first + escape[outside] - 1)
        extra = _extra_digits(numbers)
        costs[outside] += (TOTAL_BITS - np.log2(EXTRA_COUNTS))[extra] + extra
    return costs


def _positions(
    symbols: NDArray[np.int32], lowest: int | NDArray[np.int32], escape: int | NDArray[np.int32]
) -> NDArray[np.int32]:
    """Where symbols stand in their tables; the escape's position for those outside."""
    positions = symbols - lowest
    return np.where((positions < 0) | (positions > escape), escape, positions).astype(np.int32)


def _escape_numbers(
    symbols: NDArray[np.int32], lowest: int | NDArray[np.int32], highest: int | NDArray[np.int32]
) -> NDArray[np.int32]:
    """Number >= 1 that stands for each symbol outside the range: odd above it, even below."""
    return np.where(symbols > highest, 2 * (symbols - highest) - 1, 2 * (lowest - symbols)).astype(np.int32)


def _extra_digits(numbers: NDArray[np.int32]) -> NDArray[np.int32]:
    """Binary digits of numbers >= 1, without the first."""
    return np.frexp(numbers.astype(np.float64))[1].astype(np.int32) - np.int32(1)


def _groups(indices: NDArray[np.integer], tables: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Each index that occurs, ascending, and where in raster order it does."""
    _require_known(indices, tables)
    flat = indices.ravel()
    order = np.argsort(flat, kind="stable")
    counts = np.bincount(flat, minlength=tables)
    ends = np.cumsum(counts)
    for index in np.flatnonzero(counts).tolist():
        yield index, order[ends[index] - counts[index] : ends[index]]


def _model(counts: NDArray[np.int64]) -> stream.model.Model:
    """The library's model with exactly these counts; see the top of this file."""
    return stream.model.Categorical((counts - 1).astype(np.float64), perfect=False)


def _round_up(value: int, bits: int) -> int:
    """The next multiple of 2^bits."""
    return -(-value >> bits) << bits


def _require_match(symbols: NDArray[np.int32], indices: NDArray[np.integer]) -> None:
    if symbols.shape != indices.shape:
        raise ValueError(f"{symbols.shape} symbols with {indices.shape} indices")


def _require_known(indices: NDArray[np.integer], tables: int) -> None:
    if indices.size and not 0 <= int(indices.min()) <= int(indices.max()) < tables:
        raise ValueError(f"an index is outside 0..{tables - 1}")


def _require_small(symbols: NDArray[np.int32]) -> None:
    if symbols.size and max(-int(symbols.min()), int(symbols.max())) > LARGEST_SYMBOL:
        raise ValueError(f"a symbol has a magnitude above {LARGEST_SYMBOL}")
