"""The colour scale of speed: red where traffic stands, blue where it flows, readable on light and dark paper.

Red to blue is the axis that the common kinds of colour blindness keep, and no colour comes near white or black, so
that one scale serves both themes. Anchors are joined by straight lines in OKLab, where equal distances look equal.

Source: B. Ottosson (2020), "A perceptual color space for image processing" (matrices of OKLab).
"""

import numpy as np
from numpy.typing import NDArray

ANCHORS = ("#b3202c", "#e0602f", "#ebad45", "#a3bc8e", "#4a9dc4", "#3560b6")
STEPS = 256

_TO_CONE = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def speed_colours() -> tuple[str, ...]:
    """Return `STEPS` colours as "#rrggbb", from standing to the highest speed, equally far apart to the eye."""
    anchors = oklab_from_rgb(np.array([[int(anchor[at : at + 2], 16) for at in (1, 3, 5)] for anchor in ANCHORS]) / 255)
    far = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(anchors, axis=0), axis=1))])
    at = np.linspace(0.0, far[-1], STEPS)
    path = np.stack([np.interp(at, far, anchors[:, axis]) for axis in range(3)], axis=1)
    bytes_ = np.rint(np.clip(_rgb_from_oklab(path), 0, 1) * 255).astype(int)
    return tuple(f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in bytes_)


def oklab_from_rgb(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return OKLab coordinates [colour, 3] of sRGB colours [colour, 3] in 0-1."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ _TO_CONE.T) @ _TO_LAB.T


def _rgb_from_oklab(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = (lab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_CONE).T
    linear = np.clip(linear, 0, None)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
