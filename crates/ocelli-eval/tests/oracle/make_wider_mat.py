#!/usr/bin/env python3
"""Writes the small MATLAB files of tests/fixtures/wider, in the shape of WIDER FACE's, for the reader's tests.

    pip install numpy==2.4.6 scipy==1.17.1
    python make_wider_mat.py ../fixtures/wider

One file is packed and one is not; numbers are doubles, and small integers where MATLAB may store them so.
"""

import sys

import numpy as np
from scipy.io import savemat

EVENTS = {
    "0--Parade": {"0_Parade_a_1": [[10, 20, 30, 40], [100, 50, 12, 15]], "0_Parade_b_2": [[5.5, 6, 7, 8]]},
    "1--Handshaking": {"1_Handshaking_c_3": []},
}
# Faces of a level by number, counted from 1.
LEVELS = {"easy": [[[1], []], [[]]], "medium": [[[1], [1]], [[]]], "hard": [[[1, 2], [1]], [[]]]}


def cells(values):
    array = np.empty((len(values), 1), dtype=object)
    for ix, value in enumerate(values):
        array[ix, 0] = value
    return array


def main(folder):
    names = {
        "event_list": cells(list(EVENTS)),
        "file_list": cells([cells(list(files)) for files in EVENTS.values()]),
    }
    boxes = [cells([np.array(b, dtype=float).reshape(-1, 4) for b in files.values()]) for files in EVENTS.values()]
    faces = dict(names, face_bbx_list=cells(boxes))
    savemat(f"{folder}/wider_face_val.mat", faces, do_compression=True)
    savemat(f"{folder}/wider_face_plain_val.mat", faces, do_compression=False)
    for level, lists in LEVELS.items():
        kind = np.uint8 if level == "easy" else float
        value = cells([cells([np.array(l, dtype=kind).reshape(-1, 1) for l in event]) for event in lists])
        savemat(f"{folder}/wider_{level}_val.mat", dict(names, gt_list=value), do_compression=level != "hard")


if __name__ == "__main__":
    main(sys.argv[1])
