"""Command line: one command a stage."""

import argparse
import json
from pathlib import Path

from .paths import MODELS, RUNS


def parser() -> argparse.ArgumentParser:
    """Describes the command line."""
    top = argparse.ArgumentParser("ocelli_training", description=__doc__)
    stages = top.add_subparsers(dest="stage", required=True)

    def stage(name: str, help: str, **run_defaults) -> argparse.ArgumentParser:
        added = stages.add_parser(name, help=help)
        if run_defaults:
            added.add_argument("--out", type=Path, default=RUNS / run_defaults.pop("out"))
            _recipe_options(added, run_defaults)
        return added

    stage("cache", "decode all pictures once")
    tiles = stage("tiles", "judge a run on balanced tiles of dev")
    tiles.add_argument("--run", type=Path, required=True)
    tiles.add_argument("--batches", type=int, default=16, help="of 64 tiles")
    stage("student", "train a student from the annotation alone", out="student-v0")
    stage("teacher", "train the teacher", out="teacher", net="face-teacher", batch=48, steps=7000, learning_rate=2e-3)
    mine = stage("mine", "collect hard examples from complete training pictures")
    mine.add_argument("--run", type=Path, default=RUNS / "teacher", help="a run folder or a model file")
    mine.add_argument("--out", type=Path, default=RUNS / "mined.json")
    mine.add_argument("--limit", type=int)
    mine.add_argument("--every", type=int, default=1, help="use each so many pictures")
    stage("distill", "train a student that imitates the teacher", out="student", teacher=str(RUNS / "teacher"))
    judge = stage("judge", "print dev figures of runs or model files; several answer together, as teachers do")
    judge.add_argument("--runs", type=Path, nargs="+", required=True, help="run folders and model files")
    judge.add_argument("--every", type=int, default=1, help="use each so many dev pictures of a set")
    ablation = stage("ablation", "train the four variants of the recipe and print their table")
    ablation.add_argument("--out", type=Path, default=RUNS / "ablation")
    ablation.add_argument("--teacher", type=Path, default=RUNS / "teacher")
    ablation.add_argument("--mined", type=Path, default=RUNS / "mined.json")
    ablation.add_argument("--steps", type=int, default=3000)
    ablation.add_argument("--dev-every", type=int, default=1)
    ablation.add_argument("--net", default="face-student")
    stage("toy", "write the toy network for the engine's tests")
    export = stage("export", "write a run's averaged network as a model file")
    export.add_argument("--run", type=Path, default=RUNS / "student-v0")
    export.add_argument(
        "--blend", type=Path, nargs="+", help="model files and run folders of the same kind, to take the mean of all"
    )
    export.add_argument("--name", default="face-student")
    export.add_argument("--revision", type=int, default=1)
    export.add_argument("--folder", type=Path, default=MODELS)
    for name, text in {
        "calibrate": "fit confidence and default threshold on dev, store them in the model file",
        "evaluate": "measure a model file on dev and write its report",
        "fairness": "print recall by data part, size and attribute",
        "quantize": "calibrate a model file for int8 execution",
        "card": "write the model card from the report",
    }.items():
        measured = stage(name, text)
        measured.add_argument("--model", type=Path, default=MODELS / "face-student.safetensors")
        measured.add_argument("--every", type=int, default=1, help="use each so many dev pictures of a set")
    stages.choices["evaluate"].add_argument("--no-peer", action="store_true", help="do not run YuNet beside it")
    return top


def _recipe_options(stage: argparse.ArgumentParser, defaults: dict) -> None:
    from .train import Recipe

    for name, value in vars(Recipe(**defaults)).items():
        option = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            stage.add_argument(option, action="store_true", default=value)
        else:
            stage.add_argument(option, type=type(value), default=value)


def main() -> None:
    """Reads the command line and runs one stage."""
    import torch

    args = parser().parse_args()
    torch.set_num_threads(1)
    globals()[f"_{args.stage}"](args)


def _cache(_args) -> None:
    from . import cache

    for split in ("dev", "train"):
        cache.build(split)


def _train(args) -> None:
    from .stages import run_recipe
    from .train import Recipe

    _cache(args)
    run_recipe(args.out, Recipe(**{k: getattr(args, k) for k in vars(Recipe())}))


_student = _teacher = _distill = _train


def _tiles(args) -> None:
    from .export import averaged
    from .tiles import accuracy

    print(json.dumps(accuracy(averaged(args.run / "checkpoint.pt"), n_batches=args.batches)))


def _mine(args) -> None:
    from .distill import load_teacher
    from .mine import mine

    mine(load_teacher(args.run), args.out, args.limit, args.every)


def _judge(args) -> None:
    from .distill import Teachers, load_teacher
    from .evaluate import DevSet, quick

    print(json.dumps(quick(Teachers([load_teacher(run) for run in args.runs]), DevSet(args.every))))


def _ablation(args) -> None:
    from .ablation import ablate

    ablate(args.out, args.teacher, args.mined, args.steps, args.dev_every, args.net)


def _toy(_args) -> None:
    from . import toy

    toy.write()


def _export(args) -> None:
    from .export import averaged, export, write_run
    from .restore import blended

    net = averaged(args.run / "checkpoint.pt")
    export(blended(net, args.blend) if args.blend else net, args.name, args.revision, args.folder)
    write_run(args.run, args.name, args.folder)


def _calibrate(args) -> None:
    from .calibrate import calibrate

    calibrate(args.model, args.every)


def _evaluate(args) -> None:
    from .report import write_report

    write_report(args.model, peer=not args.no_peer, every=args.every)


def _fairness(args) -> None:
    from .fairness import print_table

    print_table(args.model, args.every)


def _quantize(args) -> None:
    from .quantize import quantize

    quantize(args.model, args.every)


def _card(args) -> None:
    from .card import write_card

    write_card(args.model)


if __name__ == "__main__":
    main()
