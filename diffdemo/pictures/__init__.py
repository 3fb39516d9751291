"""Picture files of every kind that people have, read as they are meant to be seen."""

from diffdemo.pictures.formats import readable_formats
from diffdemo.pictures.read import Picture, load_picture, to_picture

__all__ = ["Picture", "load_picture", "readable_formats", "to_picture"]
