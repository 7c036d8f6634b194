"""Runs YuNet (through OpenCV) over dev, to be measured by the same evaluation. For measuring only."""

from pathlib import Path

import numpy as np

from .detect import Detections
from .evaluate import DevSet
from .paths import DATA

PEERS = DATA.parent / "peers"


class YuNet:
    """Stands in for a network of ours in `evaluate`: finds faces in RGB pictures, any size, one scale."""

    def __init__(self, model: Path = PEERS / "yunet_n_640_640.onnx"):
        import cv2  # opencv-python-headless < 5, only needed here

        cv2.setNumThreads(1)
        self.detector = cv2.FaceDetectorYN.create(str(model), "", (320, 320), 0.02, 0.45, 5000)

    def detect(self, pixels: np.ndarray) -> Detections:
        """Returns faces, best first."""
        self.detector.setInputSize((pixels.shape[1], pixels.shape[0]))
        rows = self.detector.detect(np.ascontiguousarray(pixels[..., ::-1]))[1]
        rows = np.zeros((0, 15), np.float32) if rows is None else rows
        order = np.argsort(-rows[:, 14], kind="stable")
        return Detections(rows[order, :4], rows[order, 14])


def run(dev: DevSet, model: Path = PEERS / "yunet_n_640_640.onnx") -> dict[str, list[Detections]]:
    """Returns the peer's detections for every dev set."""
    net = YuNet(model)
    return {s: [net.detect(dev.cache.level(p)) for p in pictures] for s, pictures in dev.by_set.items()}
