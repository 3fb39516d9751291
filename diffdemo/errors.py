"""Every exception that diffdemo raises on purpose.

    DiffDemoError
    |-- ImageError                a picture that cannot be read, or is too large
    |-- BitstreamError            bytes that are not a file of ours, or not a whole one
    |   |-- UnsupportedBitstream  other magic, newer version, unknown codec
    |   |-- TruncatedBitstream    ends inside the header
    |   |-- CorruptBitstream      checksum or value that no encoder writes
    |   `-- ModelMismatch         written with other weights
    |-- WeightsError              file missing, damaged, or of another architecture
    |   |-- DownloadError         the Hub, the network or the disk did not give what was asked for
    |   `-- MemoryBudgetError     the model does not fit into the memory that it may use
    |-- RateError                 a target that no file can meet
    |-- WorkLimitError            more work than whoever runs this allows for one call
    `-- Cancelled                 the user stopped it; never shown as a failure

A message says what was found, what was expected and what to do, in words that fit on a page for visitors.
"""

from __future__ import annotations


class DiffDemoError(Exception):
    """Base class; its message may be shown to a user as it is."""


class ImageError(DiffDemoError):
    """The picture cannot be read, has no pixels, or has too many."""


class BitstreamError(DiffDemoError):
    """The bytes cannot be decoded."""


class UnsupportedBitstream(BitstreamError):
    """Not a diffdemo file, or one from a version or codec that this installation does not know."""


class TruncatedBitstream(BitstreamError):
    """The file ends inside its header, before any picture could be."""


class CorruptBitstream(BitstreamError):
    """A checksum disagrees, or a field has a value that no encoder writes."""


class ModelMismatch(BitstreamError):
    """The file was written with weights that this installation does not have."""


class WeightsError(DiffDemoError):
    """A weight file is missing, damaged, or belongs to another architecture."""


class DownloadError(WeightsError):
    """Weights did not arrive: offline, not found, gated, disk full, cut off, or not those that were expected."""


class MemoryBudgetError(WeightsError):
    """A model needs more memory than it may use."""


class RateError(DiffDemoError):
    """The requested size or quality cannot be reached."""


class WorkLimitError(DiffDemoError):
    """A call would take longer, or concern more pixels, than whoever runs this allows."""


class Cancelled(DiffDemoError):
    """The user asked to stop."""
