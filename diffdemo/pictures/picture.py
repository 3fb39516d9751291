"""What reading a picture file gives."""

from __future__ import annotations

from dataclasses import dataclass

from diffdemo.images import Pixels


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as read from a file.

    Attributes:
        pixels: uint8 [H,W,3], perhaps smaller than the file's picture.
        notes: what was changed on the way, in sentences for the user; empty for a plain RGB picture. That the picture
            was made smaller is not among them.
        width: of the picture in the file, upright, in pixels.
        height: of the picture in the file, upright, in pixels.
    """

    pixels: Pixels
    notes: tuple[str, ...]
    width: int
    height: int

    @property
    def is_reduced(self) -> bool:
        """Whether `pixels` are smaller than the picture in the file."""
        return self.pixels.shape[:2] != (self.height, self.width)
