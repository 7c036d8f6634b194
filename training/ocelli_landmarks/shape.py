"""A mean face in three dimensions, from the annotated points of many faces alone.

Seen from far away, every face's points are a 2×3 matrix times one shape: stacking all faces gives a matrix of rank
three (Tomasi and Kanade, 1992). Its factors are known up to a 3×3 matrix, which follows from wanting the two rows of
every face's matrix equally long and at right angles. Faces come mirrored too, so that the shape is symmetric.
"""

import numpy as np

from .points import MIRRORED, N_POINTS

# Brows, nose, eyes and lips: the jaw's points slide along the outline when a head turns.
RIGID = np.arange(17, N_POINTS)
NOSE_TIP, CHIN = 30, 8


def mean_shape(faces: np.ndarray) -> np.ndarray:
    """Returns `[68, 3]` from `[n, 68, 2]`: x to the right of the picture, y down, z away from the camera.

    The distance of the outer eye corners is 1, the mean of the rigid points the origin.
    """
    faces = np.concatenate([faces, faces[:, MIRRORED] * [-1, 1]]).astype(np.float64)
    faces = faces - faces[:, RIGID].mean(1, keepdims=True)
    faces /= np.linalg.norm(faces[:, RIGID], axis=(1, 2), keepdims=True)
    rows = faces.transpose(0, 2, 1)[:, :, RIGID].reshape(-1, len(RIGID))
    _, _, basis = np.linalg.svd(rows, full_matrices=False)
    views = rows @ basis[:3].T
    metric = _metric(views.reshape(-1, 2, 3))
    # All points, the jaw's too, by least squares under the views of the rigid ones.
    views = views @ metric
    shape = np.linalg.lstsq(views, faces.transpose(0, 2, 1).reshape(-1, N_POINTS), rcond=None)[0].T
    return _upright(shape)


def _metric(views: np.ndarray) -> np.ndarray:
    """Returns the 3×3 matrix that makes the rows of all views equally long and orthogonal, nearly."""

    def products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        terms = [(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)]
        return np.stack([a[:, i] * b[:, j] + (a[:, j] * b[:, i] if i != j else 0) for i, j in terms], 1)

    a, b = views[:, 0], views[:, 1]
    equal, right = products(a, a) - products(b, b), products(a, b)
    size = products(a, a).mean(0, keepdims=True) + products(b, b).mean(0, keepdims=True)
    system = np.concatenate([equal, right, size * len(a)])
    wanted = np.concatenate([np.zeros(2 * len(a)), [2.0 * len(a)]])
    q = np.linalg.lstsq(system, wanted, rcond=None)[0]
    symmetric = np.array([[q[0], q[3], q[4]], [q[3], q[1], q[5]], [q[4], q[5], q[2]]])
    values, vectors = np.linalg.eigh(symmetric)
    assert values.min() > 0, f"no metric upgrade: eigenvalues {values}"
    return vectors * np.sqrt(values)


def _upright(shape: np.ndarray) -> np.ndarray:
    """Turns the shape: eyes along x, the mirror plane across, the nose towards the camera."""
    pairs = [(i, j) for i, j in enumerate(MIRRORED) if i < j]
    across = sum(shape[j] - shape[i] for i, j in pairs)
    x = across / np.linalg.norm(across)
    down = shape[[57, 8]].mean(0) - shape[[27, 39, 42]].mean(0)
    down -= x * (down @ x)
    y = down / np.linalg.norm(down)
    turned = shape @ np.stack([x, y, np.cross(x, y)], 1)
    ears = turned[[0, 16]].mean(0)
    if turned[NOSE_TIP, 2] > ears[2]:  # depth has no sign of its own
        turned[:, 2] *= -1
    turned = (turned + turned[MIRRORED] * [-1, 1, 1]) / 2
    turned -= turned[RIGID].mean(0)
    return turned / np.linalg.norm(turned[36] - turned[45])


def angles(shape: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Returns roll, yaw and pitch of a face `[68, 2]` in degrees: clockwise, to the right of the picture, up."""
    flat = shape[RIGID] - shape[RIGID].mean(0)
    rows = np.linalg.lstsq(flat, points[RIGID] - points[RIGID].mean(0), rcond=None)[0].T
    u, _, v = np.linalg.svd(rows, full_matrices=False)
    a, b = u @ v
    roll = np.arctan2(b[0], a[0])
    nose = -np.array([a[2], b[2], np.cross(a, b)[2]])
    side, down = nose[0] * np.cos(roll) + nose[1] * np.sin(roll), nose[1] * np.cos(roll) - nose[0] * np.sin(roll)
    return np.rad2deg([roll, np.arctan2(side, -nose[2]), np.arctan2(-down, np.hypot(side, nose[2]))])


def straight(shape: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Turns the shape about the x axis so that half of the faces look above zero pitch, and half below."""
    pitch = np.deg2rad(np.median([angles(shape, points)[2] for points in faces]))
    turn = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    return shape @ turn.T
