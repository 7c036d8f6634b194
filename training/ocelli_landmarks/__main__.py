"""Command line: one command a stage."""

import argparse
import json
from pathlib import Path

from ocelli_training.paths import MODELS, RUNS


def parser() -> argparse.ArgumentParser:
    """Describes the command line."""
    top = argparse.ArgumentParser("ocelli_landmarks", description=__doc__)
    stages = top.add_subparsers(dest="stage", required=True)
    stages.add_parser("cache", help="cut all annotated faces once")
    train = stages.add_parser("train", help="train the network")
    train.add_argument("--out", type=Path, default=RUNS / "landmarks")
    from .train import Recipe

    for name, value in vars(Recipe()).items():
        train.add_argument("--" + name.replace("_", "-"), type=type(value), default=value)
    for name, text in {
        "export": "write a run's averaged network as a model file",
        "calibrate": "fit the confidence on dev and store it in the model file",
        "evaluate": "measure a model file on dev and write its report",
        "card": "write the model card from the report",
    }.items():
        stage = stages.add_parser(name, help=text)
        stage.add_argument("--run", type=Path, default=RUNS / "landmarks")
        stage.add_argument("--model", type=Path, default=MODELS / "face-landmarks.safetensors")
    stages.choices["export"].add_argument("--revision", type=int, default=1)
    stages.choices["evaluate"].add_argument(
        "--answers",
        type=Path,
        help="JSON lines of `ocelli detect --request landmarks` over the dev pictures, measured too",
    )
    return top


def main() -> None:
    """Reads the command line and runs one stage."""
    import torch

    args = parser().parse_args()
    torch.set_num_threads(1)
    globals()[f"_{args.stage}"](args)


def _cache(_args) -> None:
    from .faces import cached

    for split in ("train", "dev"):
        print(split, len(cached(split).faces), "faces")


def _train(args) -> None:
    from ocelli_training.train import Run

    from .evaluate import DevFaces
    from .faces import cached
    from .samples import Batches
    from .train import Recipe, train

    recipe = Recipe(**{k: getattr(args, k) for k in vars(Recipe())})
    dev = DevFaces(cached("dev"))
    net = train(Run(args.out, recipe), Batches(cached("train"), recipe.batch, recipe.steps, recipe.seed), dev)
    print(json.dumps(dev.figures(net)))


def _export(args) -> None:
    from .export import export, loaded

    export(loaded(args.run / "checkpoint.pt"), args.revision, args.model)


def _calibrate(args) -> None:
    from .calibrate import calibrate

    calibrate(args.model)


def _evaluate(args) -> None:
    from .report import write_report

    write_report(args.model, args.answers)


def _card(args) -> None:
    from .report import write_card

    write_card(args.model, args.run)


if __name__ == "__main__":
    main()
