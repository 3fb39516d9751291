"""Where networks run."""

from __future__ import annotations

import torch


def choose_device(name: str) -> torch.device:
    """Choose a device: "auto" takes a GPU if there is one; anything else is PyTorch's name of a device.

    From then on float32 is float32: a file that was written with inputs of convolutions rounded to TF32, as PyTorch
    does it on a GPU unless it is told otherwise, loses quality wherever they are not.
    """
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def describe_device(device: torch.device) -> str:
    """In words for people: 'CPU, 2 threads', or the name of the GPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{device.type.upper()}, {threads} thread{'s' if threads != 1 else ''}"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of a GPU or of the computer, for which PyTorch has no exception of its own."""
    is_one = isinstance(error, (torch.OutOfMemoryError, MemoryError))
    return is_one or (isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error))
