"""Changes of pixels that leave the boxes where they are: light, colour, sharpness, noise, compression."""

import io

import numpy as np
from PIL import Image, ImageFilter

# Rec. 601 weights, for the grey of saturation changes.
LUMA = np.array([0.299, 0.587, 0.114])


def chance(rng: np.random.Generator, p: float) -> bool:
    """True with probability `p`."""
    return rng.random() < p


def photometric(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Returns the picture as another camera, lamp or encoder might have given it."""
    if chance(rng, 0.08):
        image = image.convert("L").convert("RGB")
    elif chance(rng, 0.2):
        image = saturated(image, rng.uniform(0.4, 1.6))
    if chance(rng, 0.12):
        image = coarser(image, rng.uniform(0.4, 0.8))
    elif chance(rng, 0.05):
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.4)))
    elif chance(rng, 0.03):
        image = image.filter(ImageFilter.UnsharpMask(1, 100, 0))
    if chance(rng, 0.8):
        image = image.point(tone_curve(rng))
    if chance(rng, 0.07):
        image = noisy(image, rng)
    if chance(rng, 0.1):
        image = recompressed(image, int(rng.integers(25, 80)))
    return image


def saturated(image: Image.Image, amount: float) -> Image.Image:
    """Mixes with the grey picture: 0 is grey, 1 unchanged."""
    mix = amount * np.eye(3) + (1 - amount) * LUMA
    return image.convert("RGB", tuple(np.c_[mix, np.zeros(3)].ravel()))


def tone_curve(rng: np.random.Generator) -> list[int]:
    """Returns a lookup table of 3 × 256 values: gamma, contrast, brightness, a tint by channel."""
    gamma = np.exp(rng.normal(0, 0.25))
    contrast = np.exp(rng.normal(0, 0.22))
    brightness = rng.normal(0, 18)
    ramp = 255 * (np.arange(256) / 255) ** gamma
    gains = np.exp(rng.normal(0, 0.06, 3))
    table = ((ramp - 128) * contrast + 128 + brightness) * gains[:, None]
    return np.clip(table, 0, 255).astype(np.uint8).ravel().tolist()


def coarser(image: Image.Image, factor: float) -> Image.Image:
    """Loses detail: smaller and back to the old size."""
    small = (max(4, int(image.width * factor)), max(4, int(image.height * factor)))
    return image.resize(small, Image.Resampling.BILINEAR).resize(image.size, Image.Resampling.BILINEAR)


def noisy(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Adds normal noise of a random strength, the same law for every pixel."""
    pixels = np.asarray(image).astype(np.int16)
    noise = rng.standard_normal(pixels.shape, np.float32) * rng.uniform(2, 12)
    return Image.fromarray(np.clip(pixels + noise.astype(np.int16), 0, 255).astype(np.uint8))


def recompressed(image: Image.Image, quality: int) -> Image.Image:
    """Goes through a JPEG file of this quality."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")
