"""Pictures that were kept on white lose their ground, and what is printed on them stays."""

import base64
import io

import numpy as np
from PIL import Image, ImageDraw

from tools import ground


def base64_of(picture):
    out = io.BytesIO()
    picture.save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def pixels_of(png):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA"))


def drawn(ground_colour=(255, 255, 255, 255)):
    """A board of paper in a frame, a blue line, and print of the time, on a ground."""
    picture = Image.new("RGBA", (300, 200), ground_colour)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((20, 40, 140, 160), "#FFFFFF", "#1F2937", 2)
    pen.line((180, 40, 280, 160), "#0072B2", 3)
    pen.line((180, 180, 280, 180), "#1F2937", 2)
    return picture


def test_the_ground_goes_boards_keep_their_paper_and_print_takes_the_ink():
    pixels = pixels_of(ground.cleared(base64_of(drawn())))
    assert pixels[5, 5, 3] == 0 and pixels[100, 170, 3] == 0
    assert tuple(pixels[100, 80]) == (255, 255, 255, 255)
    assert tuple(pixels[100, 230]) == (0, 114, 178, 255)
    assert tuple(pixels[180, 230]) == (*ground.rgb("ink").astype(int), 255)


def test_on_white_the_colours_of_lines_are_what_they_were():
    before = Image.new("RGBA", (40, 40), "white")
    ImageDraw.Draw(before).rectangle((10, 10, 30, 30), "#F3B0A7")
    after = Image.new("RGBA", before.size, "white")
    after.alpha_composite(Image.fromarray(pixels_of(ground.cleared(base64_of(before)))))
    assert np.abs(np.asarray(after).astype(int) - np.asarray(before)).max() <= 2


def test_a_picture_without_a_ground_stays_as_it_is():
    png = base64_of(drawn((255, 255, 255, 0)))
    assert ground.cleared(png) == png
