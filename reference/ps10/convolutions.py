"""Problem 2: the four convolutions by their definition, and what typical mistakes make of them."""

from __future__ import annotations

from itertools import product

from grader.rubric.expected import Convolution, Matrix

SIDE = 5

KERNELS: dict[str, Matrix] = {"Kx": ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1))}
KERNELS["Ky"] = tuple(zip(*KERNELS["Kx"], strict=True))

IMAGES: dict[str, Matrix] = {
    "IA": tuple(tuple(float(column == SIDE // 2) for column in range(SIDE)) for _ in range(SIDE))
}
IMAGES["IB"] = tuple(zip(*IMAGES["IA"], strict=True))


def convolve(kernel: Matrix, image: Matrix, *, flip: bool = True, repeat_border: bool = True) -> Matrix:
    """Convolve a 3×3 kernel with an image: (K * I)[r, c] = Σᵢⱼ K[i, j] · I[r − i, c − j] for i, j in −1…1.

    Outside the image stands the nearest pixel (`repeat_border`) or zero. Without `flip` the signs of i and j in
    I's index are plus: the cross-correlation that convolutional layers compute.
    """
    rows, columns = len(image), len(image[0])

    def pixel(row: int, column: int) -> float:
        if repeat_border:
            return image[min(max(row, 0), rows - 1)][min(max(column, 0), columns - 1)]
        return image[row][column] if 0 <= row < rows and 0 <= column < columns else 0.0

    sign = -1 if flip else 1

    def value(row: int, column: int) -> float:
        return sum(
            kernel[i + 1][j + 1] * pixel(row + sign * i, column + sign * j) for i, j in product((-1, 0, 1), repeat=2)
        )

    return tuple(tuple(value(row, column) for column in range(columns)) for row in range(rows))


def _convolution(kernel: str, image: str) -> Convolution:
    k, i = KERNELS[kernel], IMAGES[image]
    expected = convolve(k, i)
    made = {
        "conv.not_flipped": convolve(k, i, flip=False),
        "conv.zero_padding": convolve(k, i, repeat_border=False),
        "conv.not_flipped+conv.zero_padding": convolve(k, i, flip=False, repeat_border=False),
    }
    # Where a mistake does not show (all zeros have no sign), the right result stays right.
    mistakes = {slug: matrix for slug, matrix in made.items() if matrix != expected}
    return Convolution(f"{kernel}{image}", kernel, image, expected, mistakes)


def convolutions() -> dict[str, Convolution]:
    return {f"{k}{i}": _convolution(k, i) for i, k in product(IMAGES, KERNELS)}
