"""Command line: one command a stage."""

import argparse
from pathlib import Path

from .paths import RUNS


def main() -> None:
    """Reads the command line and runs one stage."""
    parser = argparse.ArgumentParser("ocelli_training", description=__doc__)
    stages = parser.add_subparsers(dest="stage", required=True)
    stages.add_parser("cache", help="decode all pictures once")
    student = stages.add_parser("student", help="train a student from the annotation alone")
    student.add_argument("--out", type=Path, default=RUNS / "student-v0")
    student.add_argument("--net", default="face-student")
    student.add_argument("--steps", type=int, default=12_000)
    student.add_argument("--seed", type=int, default=1)
    stages.add_parser("toy", help="write the toy network for the engine's tests")
    export = stages.add_parser("export", help="write a run's averaged network as a model file")
    export.add_argument("--run", type=Path, default=RUNS / "student-v0")
    export.add_argument("--name", default="face-student")
    export.add_argument("--revision", type=int, default=1)
    export.add_argument("--threshold", type=float, default=0.5)
    args = parser.parse_args()
    globals()[f"_{args.stage}"](args)


def _cache(_args) -> None:
    from . import cache

    for split in ("dev", "train"):
        cache.build(split)


def _student(args) -> None:
    from .sampler import Sampler
    from .train import Recipe, Run, train

    _cache(args)
    train(Run(args.out, Recipe(net=args.net, steps=args.steps, seed=args.seed)), Sampler())


def _toy(_args) -> None:
    from . import toy

    toy.write()


def _export(args) -> None:
    from .export import averaged, export

    export(averaged(args.run / "checkpoint.pt"), args.name, args.revision, args.threshold)


if __name__ == "__main__":
    main()
