"""Pictures that were kept with a white ground of their own: the ground away, the print in the book's ink.

The runs that are shown beside the full-scale notebooks were drawn before figures became transparent; a training of
an hour is not repeated for that. Called by render.py; what is transparent already stays as it is.
"""

import base64
import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from hrm_lite.plots.style import COLOURS

SHEET = 61      # pixels: what is as wide and as high as this, and framed, is a board, and keeps its paper
GREY = 48       # channels that differ by less belong to print, axes or grid


def rgb(name: str) -> np.ndarray:
    return np.array([int(COLOURS[name][i : i + 2], 16) for i in (1, 3, 5)], dtype=float)


def sheets(picture: Image.Image) -> np.ndarray:
    """Which pixels lie on boards: cut off from the corner by a frame, and larger than any letter."""
    small = picture.convert("L").filter(ImageFilter.MinFilter(3)).resize([side // 2 for side in picture.size], 0)
    page = Image.new("L", (small.width + 2, small.height + 2), 255)
    page.paste(small.point(lambda level: 255 if level > 222 else 0), (1, 1))
    ImageDraw.floodfill(page, (0, 0), 128)
    inside = page.crop((1, 1, 1 + small.width, 1 + small.height)).point(lambda level: 0 if level == 128 else 255)
    wide = SHEET // 4 * 2 + 1
    inside = inside.filter(ImageFilter.MinFilter(wide)).filter(ImageFilter.MaxFilter(wide))   # letters vanish
    return np.asarray(inside.resize(picture.size, 0)) > 0


def cleared(png: str) -> str:
    """A picture in base64 without its white ground; the same text where it has none."""
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA")
    if picture.getpixel((0, 0)) != (255, 255, 255, 255):
        return png
    colour = np.asarray(picture.convert("RGB"), dtype=float)
    # What alpha over white gives this colour, at the least? Greys are shares of the ink of the time.
    alpha = (255 - colour.min(-1)) / 255
    hue = 255 - (255 - colour) / np.maximum(alpha, 1 / 255)[..., None]
    grey = np.ptp(colour, axis=-1) < GREY
    share = np.clip((255 - colour.mean(-1)) / (255 - rgb("print").mean()), 0, 1)
    alpha, hue = np.where(grey, share, alpha), np.where(grey[..., None], rgb("ink"), hue)
    kept = sheets(picture)
    pixels = np.dstack([np.where(kept[..., None], colour, hue), 255 * np.where(kept, 1, alpha)])
    out = io.BytesIO()
    Image.fromarray(pixels.round().astype("uint8")).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()
