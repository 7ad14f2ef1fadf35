"""Makes 3000 pictures of 32x32 pixels of the photographs that two packages of Python have in them, to narrow the network of the
example `photos` by: squares from any place, of any size, from 32 pixels to the whole height.

    pip install pillow scikit-image scikit-learn
    python examples/narrow/make_crops.py crops
"""

import random
import sys
from pathlib import Path

import skimage
import sklearn
from PIL import Image

COUNT = 3000
SIDE = 32
OF_SKIMAGE = ["astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg"]
OF_SKLEARN = ["china.jpg", "flower.jpg"]


def photographs():
    skimage_folder = Path(skimage.__file__).parent / "data"
    sklearn_folder = Path(sklearn.__file__).parent / "datasets" / "images"
    paths = [skimage_folder / name for name in OF_SKIMAGE] + [sklearn_folder / name for name in OF_SKLEARN]
    return [Image.open(path).convert("RGB") for path in paths]


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    draw, all_photographs = random.Random(0), photographs()
    for number in range(COUNT):
        photograph = all_photographs[number % len(all_photographs)]
        width, height = photograph.size
        side = round(SIDE * (min(width, height) / SIDE) ** draw.random())
        left, top = draw.randint(0, width - side), draw.randint(0, height - side)
        crop = photograph.crop((left, top, left + side, top + side)).resize((SIDE, SIDE), Image.Resampling.BOX)
        if draw.random() < 0.5:
            crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        crop.save(folder / f"crop_{number:04}.png")


main()
