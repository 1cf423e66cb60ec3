"""Folders of images as bytes, grey (n, H, W) or RGB (n, 3, H, W), and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unnoise._atomic import atomic_path
from unnoise._errors import InputError
from unnoise._places import check_replaceable
from unnoise.data._numerics import Values

Bytes = NDArray[np.uint8]

_MOST_PIXELS = 2**26  # of one image, fewer than Pillow warns of
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")


def read_images(folder: Path) -> Bytes:
    """All images, ordered by name, of one size and colours."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if odd := next((path for path in paths if not path.is_file()), None):
        raise InputError(f"The image {odd} is no file, or a link to nothing; remove it from the folder.")
    if not paths:
        inner = any(path.is_dir() for path in folder.iterdir())
        hint = "; it contains folders: name one of them" if inner else ""
        raise InputError(f"The folder {folder} holds no images ({', '.join(SUFFIXES)}){hint}.")
    first = _read_image(paths[0])
    try:
        images = np.empty((len(paths), *first.shape), dtype=np.uint8)
    except (MemoryError, ValueError) as error:
        raise InputError(f"The {len(paths)} images of {folder} do not fit into memory; scale them down.") from error
    images[0] = first
    for i, path in enumerate(paths[1:], 1):
        image = _read_image(path)
        if image.shape != first.shape:
            raise InputError(
                f"The image {path} is {_size(image)}, but {paths[0].name} is {_size(first)}; all images of a "
                "folder must have the same size and colours."
            )
        images[i] = image
    return images if images.ndim == 3 else np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def read_image(path: Path) -> Bytes:
    """One image, grey (H, W) or RGB (3, H, W)."""
    if not path.is_file():
        raise InputError(f"There is no image {path}.")
    image = _read_image(path)
    return image if image.ndim == 2 else np.ascontiguousarray(image.transpose(2, 0, 1))


def write_images(images: Values, folder: Path) -> None:
    """Write grey (n, H, W) or RGB (n, 3, H, W) bytes as numbered PNG files: the whole folder or nothing.

    Raises:
        InputError: the folder exists and holds files other than such images.
    """
    from PIL import Image

    pictures = _pictures(images, folder)
    check_replaceable(folder)
    digits = max(5, len(str(len(pictures) - 1)))
    with atomic_path(folder) as beside:
        beside.mkdir()
        for i, picture in enumerate(pictures):
            Image.fromarray(picture).save(beside / f"{i:0{digits}d}.png")


def _read_image(path: Path) -> Bytes:
    from PIL import Image

    try:
        with Image.open(path) as image:
            if getattr(image, "n_frames", 1) > 1:
                raise InputError(f"The image {path} has several frames; save each as an image of its own.")
            if image.mode not in ("L", "RGB"):
                raise InputError(f"The image {path} has the colour mode {image.mode}; convert it to grey (L) or RGB.")
            if image.width * image.height > _MOST_PIXELS:
                raise InputError(f"The image {path} has {image.width} x {image.height} pixels; scale it down.")
            return np.asarray(image, dtype=np.uint8)
    except InputError:
        raise
    except PermissionError:
        raise InputError(f"The image {path} cannot be read: permission denied.") from None
    except Exception as error:  # each format has a reader with errors of its own
        raise InputError(f"The image {path} is damaged or cut short and cannot be read: {error}.") from error


def _size(image: Bytes) -> str:
    return f"{image.shape[1]} x {image.shape[0]} {'grey' if image.ndim == 2 else 'RGB'}"


def _pictures(images: Values, folder: Path) -> Bytes:
    colour = images.ndim == 4 and images.shape[1] == 3
    if not (images.ndim == 3 or colour):
        raise InputError(
            f"An array of shape {images.shape} cannot be written as images into the folder {folder}; expected "
            "(n, H, W) or (n, 3, H, W). Name a file that ends in .npy instead."
        )
    if images.dtype.kind not in "biu" or images.min() < 0 or images.max() > 255:
        raise InputError(
            f"Images of type {images.dtype} cannot be written as PNG files into the folder {folder}; expected whole "
            "numbers from 0 to 255. Name a file that ends in .npy instead."
        )
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1) if colour else images, dtype=np.uint8)
