"""Run with `.venv/bin/python -m unittest discover tests`; needs no photographs."""

import unittest

import numpy as np
import torch

from ocelli_landmarks import shape
from ocelli_landmarks.calibrate import fit
from ocelli_landmarks.faces import WIDE_PX, box_from_points, hull, square
from ocelli_landmarks.net import SIDE, Landmarks, points_of
from ocelli_landmarks.points import MIRRORED, N_POINTS, normalized_errors, summary
from ocelli_landmarks.report import macs
from ocelli_landmarks.samples import cut, transform
from ocelli_landmarks.train import loss


def head(rng: np.random.Generator) -> np.ndarray:
    """Returns a symmetric cloud of 68 points in three dimensions with the eyes a unit apart and the nose in front."""
    points = rng.normal(0, 0.4, (N_POINTS, 3))
    points[:17, 2] += 0.6
    points[30, 2] = -1.0
    points[[36, 39]] = [[-0.5, -0.3, 0.0], [-0.2, -0.3, -0.05]]
    points[27] = [0, -0.3, -0.1]
    points[[8, 57]] = [[0, 1.0, 0.1], [0, 0.6, 0.0]]
    mirrored = points[MIRRORED] * [-1, 1, 1]
    keep = np.arange(N_POINTS) <= MIRRORED
    points = np.where(keep[:, None], points, mirrored)
    points[np.arange(N_POINTS) == MIRRORED, 0] = 0
    return points


def seen(points: np.ndarray, roll: float, yaw: float, pitch: float) -> np.ndarray:
    """Returns the points as a far camera sees the head turned by these degrees."""
    a, b, c = np.deg2rad([roll, yaw, pitch])
    nod = np.array([[1, 0, 0], [0, np.cos(c), np.sin(c)], [0, -np.sin(c), np.cos(c)]])
    turn = np.array([[np.cos(b), 0, -np.sin(b)], [0, 1, 0], [np.sin(b), 0, np.cos(b)]])
    lean = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    return (points @ (lean @ turn @ nod).T)[:, :2]


class Points(unittest.TestCase):
    """Order and measures."""

    def test_mirroring_twice_changes_nothing(self):
        self.assertEqual(sorted(MIRRORED), list(range(N_POINTS)))
        self.assertTrue((MIRRORED[MIRRORED] == np.arange(N_POINTS)).all())
        self.assertEqual([MIRRORED[i] for i in (0, 8, 17, 36, 41, 48, 60, 67)], [16, 8, 26, 45, 46, 54, 64, 65])

    def test_error_is_relative_to_the_eyes(self):
        truth = np.zeros((1, N_POINTS, 2))
        truth[0, 45] = [50, 0]
        self.assertAlmostEqual(normalized_errors(truth + [3, 4], truth)[0], 0.1)
        self.assertEqual(summary(np.array([0.05, 0.15]))["failures"], 0.5)


class Crops(unittest.TestCase):
    """From box to crop."""

    def test_square_is_about_the_middle(self):
        self.assertEqual(square(np.array([20, 10, 20, 40]), 1.5), (0, 0, 60))

    def test_box_from_points_inverts_the_relation(self):
        points = np.random.default_rng(1).uniform(0, 100, (N_POINTS, 2))
        np.testing.assert_allclose(box_from_points(points, np.array([0, 0, 1, 1])), hull(points), rtol=1e-5)

    def test_points_follow_the_pixels(self):
        pixels = np.zeros((WIDE_PX, WIDE_PX, 3), np.uint8)
        pixels[60:64, 120:124] = 255
        for matrix in (transform(1, 0, np.zeros(2)), transform(1.1, 30, np.array([0.05, -0.03]))):
            image, points = cut(pixels, np.array([[122.0, 62.0]]), matrix)
            lit = np.argwhere(np.asarray(image)[..., 0] > 100)[:, ::-1].mean(0) + 0.5
            np.testing.assert_allclose((points[0] + 0.5) * SIDE, lit, atol=0.6)


class Network(unittest.TestCase):
    """Shapes and what is minimized."""

    def test_one_crop_gives_one_vector(self):
        points, spread = Landmarks().eval()(torch.zeros(2, 3, SIDE, SIDE))
        self.assertEqual((points_of(points).shape, spread.shape), ((2, N_POINTS, 2), (2, 1, 1, 1)))
        self.assertTrue(5e6 < macs() < 20e6, macs())

    def test_right_answers_cost_less(self):
        truth = torch.rand(3, N_POINTS, 2) - 0.5

        def cost(shift: float) -> torch.Tensor:
            answers = (truth + shift).flatten(1)[:, :, None, None]
            return loss(answers, torch.zeros(3, 1, 1, 1), truth)["points"]

        self.assertLess(cost(0.0), 1e-6)
        self.assertGreater(cost(0.1), 0.1)


class Shape(unittest.TestCase):
    """The mean face and the pose."""

    def test_a_rigid_head_is_found_again_from_its_views(self):
        rng = np.random.default_rng(3)
        true = head(rng)
        turns = rng.uniform(-30, 30, (60, 3))
        found = shape.mean_shape(np.stack([seen(true, *turn) * rng.uniform(20, 90) + 50 for turn in turns]))
        # Up to the pitch that the median of the faces will set.
        gap = lambda points: np.linalg.norm(points[:, None] - points[None], axis=-1)  # noqa: E731
        true = true / np.linalg.norm(true[36] - true[45])
        np.testing.assert_allclose(gap(found), gap(true), atol=0.02)
        self.assertLess(found[30, 2], found[0, 2])

    def test_angles_are_read_back(self):
        true = head(np.random.default_rng(5))
        for turn in ((0, 0, 0), (25, -20, 10), (-170, 15, -12)):
            np.testing.assert_allclose(shape.angles(true, seen(true, *turn)), turn, atol=0.01)
        straight = shape.straight(true, np.stack([seen(true, 0, 0, p) for p in (5, 10, 15)]))
        self.assertAlmostEqual(shape.angles(straight, seen(true, 0, 0, 10))[2], 0, 3)

    def test_confidence_is_half_where_half_is_good(self):
        foreseen = np.linspace(-4, -1, 400)
        middle, width = fit(foreseen, foreseen < -2.5)
        self.assertAlmostEqual(middle, -2.5, 1)
        self.assertGreater(width, 0)


if __name__ == "__main__":
    unittest.main()
