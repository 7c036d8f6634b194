"""Run with `.venv/bin/python -m unittest discover tests`; needs no photographs."""

import copy
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from PIL import Image

from ocelli_training import boxes as bx
from ocelli_training import nets, toy
from ocelli_training.annotations import Picture
from ocelli_training.card import crossfit_text
from ocelli_training.cost import convolutions, pyramid_macs
from ocelli_training.crops import Crop
from ocelli_training.crossfit import crossfit
from ocelli_training.detect import Detections, turned_back
from ocelli_training.distill import Teachers, imitation_loss
from ocelli_training.distort import HIDDEN, distorted, hidden, stretched
from ocelli_training.fold import folded
from ocelli_training.graph import Interpreter
from ocelli_training.losses import decode, detection_loss, iou_and_giou
from ocelli_training.metrics import curve
from ocelli_training.muon import orthogonal
from ocelli_training.narrow import narrowed
from ocelli_training.paths import MODELS
from ocelli_training.pyramid import level_size
from ocelli_training.restore import blended, plain, unfolded
from ocelli_training.targets import assign, grid_size
from ocelli_training.train import Objective, Recipe, State, _descend, done, learning_rate


def picture(faces, ignore=()) -> Picture:
    """Returns an annotated picture without pixels."""
    return Picture(None, "p", "s", 100, 100, bx.as_boxes(faces), bx.as_boxes(list(ignore)), True, None)


class Boxes(unittest.TestCase):
    """The box convention."""

    def test_iou_of_halves(self):
        self.assertAlmostEqual(bx.iou(bx.as_boxes([0, 0, 10, 10]), bx.as_boxes([5, 0, 10, 10]))[0, 0], 1 / 3, 6)

    def test_rotation_moves_right_side_up_and_swaps_sides_at_90(self):
        turned = bx.rotate(bx.as_boxes([80, 40, 10, 20]), 90, (50, 50))[0]
        np.testing.assert_allclose(turned, [40, 10, 20, 10], atol=1e-4)

    def test_rotation_and_back_keeps_the_centre(self):
        box = bx.as_boxes([10, 20, 30, 40])
        back = bx.rotate(bx.rotate(box, 33, (50, 50)), -33, (50, 50))[0]
        np.testing.assert_allclose(back[:2] + back[2:] / 2, [25, 40], atol=1e-3)

    def test_suppression_keeps_the_best_of_a_pile(self):
        boxes = bx.as_boxes([[0, 0, 10, 10], [1, 0, 10, 10], [50, 0, 10, 10]])
        kept = bx.non_max_suppression(boxes, np.array([0.5, 0.9, 0.1]), 0.4)
        self.assertEqual(kept.tolist(), [1, 2])

    def test_boxes_of_a_turned_picture_come_back(self):
        pixels = np.zeros((20, 40, 3), np.uint8)
        pixels[4:10, 25:28] = 1
        for quarters in range(4):
            rows, columns = np.nonzero(np.rot90(pixels, -quarters)[..., 0])
            box = bx.as_boxes([columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1])
            self.assertEqual(turned_back(box, quarters, 40, 20).tolist(), [[25, 4, 3, 6]], quarters)


class Targets(unittest.TestCase):
    """What each cell shall answer."""

    def test_face_of_the_octave_is_positive_in_its_middle_only(self):
        labels, targets = assign(bx.as_boxes([60, 60, 28, 28]), bx.as_boxes([]), 160)
        self.assertEqual(labels.shape, (grid_size(160),) * 2)
        self.assertEqual(np.argwhere(labels == 1).tolist(), [[8, 8], [8, 9], [9, 8], [9, 9]])
        np.testing.assert_array_equal(targets[8, 8], [60, 60, 28, 28])
        self.assertFalse((labels == -1).any())

    def test_sizes_beside_the_octave_are_ignored_and_far_ones_background(self):
        for size, ignored in ((14, True), (60, True), (90, False), (6, False)):
            labels, _ = assign(bx.as_boxes([20, 20, size, size]), bx.as_boxes([]), 160)
            self.assertEqual((labels == -1).any(), ignored, size)
            self.assertFalse((labels == 1).any())


class Losses(unittest.TestCase):
    """Decoding and what is minimized."""

    def test_decoding_of_zeros_gives_anchors_at_cell_centres(self):
        corners = decode(torch.zeros(1, 4, 2, 3))[0, 1, 2]
        self.assertEqual(corners.tolist(), [20 - 14, 12 - 14, 20 + 14, 12 + 14])

    def test_giou_of_apart_boxes_is_negative(self):
        a, b = torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([[9.0, 0, 10, 1]])
        iou, giou = iou_and_giou(a, b)
        self.assertEqual(iou.item(), 0)
        self.assertAlmostEqual(giou.item(), -0.8, 5)

    def test_right_answers_cost_less(self):
        labels, targets = assign(bx.as_boxes([60, 60, 28, 28]), bx.as_boxes([]), 160)
        label, target = torch.from_numpy(labels)[None], torch.from_numpy(targets)[None]
        box = torch.zeros(1, 4, 20, 20)
        cells = (torch.arange(20) + 0.5) * 8
        box[0, 0], box[0, 1] = (74 - cells)[None] / 8, (74 - cells)[:, None] / 8
        right = torch.where(label == 1, 8.0, -8.0)[:, None]
        good, bad = (sum(detection_loss(s, box, label, target).values()) for s in (right, -right))
        self.assertLess(good, 0.01)
        self.assertGreater(bad, 1)

    def test_the_learning_rate_reaches_its_end_by_steps_or_by_time(self):
        recipe = Recipe(steps=1000, warmup=100, learning_rate=1.0)
        rates = [learning_rate(recipe, step) for step in (0, 99, 100, 550, 1000)]
        np.testing.assert_allclose(rates, [0.01, 1, 1, 0.505, 0.01], atol=1e-6)
        timed = Recipe(steps=1000, warmup=100, learning_rate=1.0, minutes=10)
        self.assertAlmostEqual(learning_rate(timed, 200, 600), 0.01)
        self.assertEqual([done(timed, 200, seconds) for seconds in (0, 300, 600, 900)], [0.2, 0.5, 1, 1])

    def test_imitation_of_oneself_is_free(self):
        score, box = torch.randn(2, 1, 5, 5), torch.randn(2, 4, 5, 5)
        for part in imitation_loss(score, box, score, box).values():
            self.assertAlmostEqual(part.item(), 0, 5)

    def test_orthogonal_updates_have_singular_values_near_one(self):
        values = torch.linalg.svdvals(orthogonal(torch.randn(16, 40)))
        self.assertTrue(((values > 0.5) & (values < 1.5)).all(), values)

    def test_the_plain_divergence_pulls_as_hard_as_the_answers_differ(self):
        box = torch.zeros(1, 4, 1, 1)
        for distance in (0.01, 0.1):
            score = torch.zeros(1, 1, 1, 1, requires_grad=True)
            theirs = torch.logit(torch.full((1, 1, 1, 1), 0.5 + distance))
            imitation_loss(score, box, theirs, box, soft_power=0)["soft"].backward()
            self.assertAlmostEqual(score.grad.item(), -distance, 5)

    def test_two_teachers_answer_by_their_mean(self):
        torch.manual_seed(0)
        teachers, image = [nets.build("face-student-tiny").eval() for _ in range(2)], torch.randn(1, 3, 32, 32)
        score, box = Teachers(teachers)(image)
        each = [teacher(image) for teacher in teachers]
        torch.testing.assert_close(score, (each[0][0] + each[1][0]) / 2)
        torch.testing.assert_close(box, (each[0][1] + each[1][1]) / 2)


class Distortions(unittest.TestCase):
    """Changes that move or hide parts of faces."""

    def crop(self, side: int = 160) -> Crop:
        """Returns a black crop whose one face is red."""
        pixels = np.zeros((side, side, 3), np.uint8)
        pixels[70:100, 60:90] = (255, 0, 0)
        return Crop(Image.fromarray(pixels), bx.as_boxes([60, 70, 30, 30]), bx.as_boxes([]))

    def test_a_stretched_face_lies_where_its_box_says(self):
        sizes = set()
        for seed in range(20):
            crop = stretched(self.crop(), np.random.default_rng(seed))
            rows, columns = np.nonzero(np.asarray(crop.image)[..., 0] > 127)
            seen = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
            np.testing.assert_allclose(crop.faces[0], seen, atol=1.5)
            sizes.add(tuple(np.round(crop.faces[0, 2:])))
        self.assertTrue(any(w > h + 3 for w, h in sizes) and any(h > w + 3 for w, h in sizes))

    def test_a_hidden_face_keeps_its_box_and_at_least_half_of_itself(self):
        for seed in range(40):
            before = self.crop()
            after = hidden(before, np.random.default_rng(seed))
            np.testing.assert_array_equal(after.faces, before.faces)
            changed = np.any(np.asarray(after.image) != np.asarray(before.image), axis=2)[70:100, 60:90].mean()
            self.assertTrue(0.1 < changed < HIDDEN[1] + 0.04, changed)

    def test_distortions_are_a_function_of_the_random_state_and_leave_the_crop_alone(self):
        crop, first = self.crop(), np.asarray(self.crop().image)
        for seed in range(20):
            a, b = (distorted(crop, np.random.default_rng(seed)) for _ in range(2))
            np.testing.assert_array_equal(np.asarray(a.image), np.asarray(b.image))
            np.testing.assert_array_equal(a.faces, b.faces)
        np.testing.assert_array_equal(np.asarray(crop.image), first)


class Metrics(unittest.TestCase):
    """The evaluation protocol."""

    def test_one_right_one_wrong_one_missed(self):
        pictures = [picture([[0, 0, 30, 30], [60, 60, 30, 30]])]
        found = [Detections(bx.as_boxes([[0, 0, 30, 30], [30, 60, 25, 25]]), np.array([0.9, 0.8]))]
        self.assertAlmostEqual(curve(found, pictures, 20).ap, 0.5)

    def test_small_faces_and_ignored_regions_count_neither_way(self):
        pictures = [picture([[0, 0, 30, 30], [60, 60, 15, 15]], [[30, 60, 25, 25]])]
        boxes = bx.as_boxes([[30, 60, 25, 25], [60, 60, 15, 15], [80, 0, 10, 10], [0, 0, 30, 30]])
        found = [Detections(boxes, np.array([0.9, 0.8, 0.7, 0.6]))]
        self.assertAlmostEqual(curve(found, pictures, 20).ap, 1.0)

    def test_a_second_answer_to_the_same_face_is_wrong(self):
        pictures = [picture([[0, 0, 30, 30]])]
        found = [Detections(bx.as_boxes([[0, 0, 30, 30], [1, 0, 30, 30]]), np.array([0.5, 0.9]))]
        c = curve(found, pictures, 20)
        self.assertEqual((c.precision.tolist(), c.recall.tolist()), ([1, 0.5], [1, 1]))


class Calibrating(unittest.TestCase):
    """What is stated of the confidence."""

    def test_held_out_figures_of_answers_that_are_right_as_often_as_their_score(self):
        rng, by_set, found = np.random.default_rng(1), {"wider_train": [], "neg_none": []}, {}
        for name in by_set:
            found[name] = []
            for _ in range(100):
                scores = rng.beta(0.3, 0.3, 10).clip(0.05, 0.999)
                boxes = bx.as_boxes([[30 * i, 0, 25, 25] for i in range(10)])
                right = rng.random(10) < scores
                by_set[name].append(picture(boxes[right] if name == "wider_train" else []))
                found[name].append(Detections(boxes, scores if name == "wider_train" else scores * 0.01))
        figures = crossfit(SimpleNamespace(by_set=by_set, negative_sets=["neg_none"]), found)
        self.assertLess(figures["ece"], 0.05)
        self.assertEqual(figures["false_faces"], [0, 100])
        self.assertGreater(figures["precision"], 0.9)
        self.assertEqual(sum(row[2] for row in figures["reliability"]), 2000)
        self.assertIn("0 false faces in 100 pictures", crossfit_text(figures))


class Networks(unittest.TestCase):
    """Shapes, costs and files."""

    def test_level_sizes(self):
        self.assertEqual([level_size(640, 480, k) for k in (0, 1, 4)], [(640, 480), (320, 240), (40, 30)])
        self.assertEqual(level_size(5, 1, 3), (1, 1))

    def test_costs_stay_within_their_budgets(self):
        self.assertLessEqual(pyramid_macs(nets.build("face-student")), 0.70e9)
        self.assertLessEqual(pyramid_macs(nets.build("face-student-tiny")), 0.15e9)
        self.assertGreater(convolutions(nets.build("face-teacher")), 20)

    def test_all_networks_answer_alike_in_shape_folded_or_not(self):
        for name in nets.NETS:
            net = nets.build(name).eval()
            image = nets.normalized(toy.pattern(61, 47)[None])
            with torch.inference_mode():
                plain, fast = net(image), folded(net)(image)
            self.assertEqual([tuple(t.shape) for t in plain], [(1, 1, 8, 6), (1, 4, 8, 6)], name)
            for a, b in zip(plain, fast, strict=True):
                torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)

    def test_a_model_file_starts_a_run_as_what_it_was(self):
        file = Interpreter(MODELS / "face-student.safetensors")
        crops = [nets.normalized(toy.pattern(80, 80)[None]), nets.normalized(toy.pattern(64, 80).flip(0)[None])]
        restored = unfolded(file, "face-student", crops).eval()
        image = nets.normalized(toy.pattern(61, 47)[None])
        with torch.inference_mode():
            for a, b in zip(restored(image), file(image), strict=True):
                torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
        # On the pictures of the statistics it computes the same while it trains: its normalization fits.
        one = unfolded(file, "face-student", crops[:1])
        with torch.no_grad():
            training, using = one.train()(crops[0])[0], one.eval()(crops[0])[0]
        self.assertLess((training - using).abs().max().item(), 0.05 * using.abs().max().item())

    def test_a_teacher_grown_from_a_student_computes_the_same_and_learns_with_every_part(self):
        file = Interpreter(MODELS / "face-student.safetensors")
        crops = [nets.normalized(toy.pattern(80, 80)[None]), nets.normalized(toy.pattern(64, 80).flip(0)[None])]
        student, teacher = (unfolded(file, name, crops).eval() for name in ("face-student", "face-teacher"))
        image = nets.normalized(toy.pattern(61, 47)[None])
        with torch.inference_mode():
            for a, b in zip(teacher(image), student(image), strict=True):
                torch.testing.assert_close(a, b)
        descent = torch.optim.SGD(teacher.parameters(), lr=0.03)
        before = {k: v.clone() for k, v in teacher.named_parameters()}
        for _ in range(5):  # what begins as the identity hands the first slopes on only afterwards
            descent.zero_grad()
            sum(out.square().mean() for out in teacher.train()(crops[0])).backward()
            descent.step()
        still = [k for k, v in teacher.named_parameters() if torch.equal(v, before[k])]
        self.assertEqual(still, [])

    def test_a_thin_student_starts_with_channels_of_a_wide_one(self):
        wide = plain(Interpreter(MODELS / "face-student.safetensors"))
        same = narrowed(wide, "face-student")
        for a, b in zip(wide.state_dict().values(), same.state_dict().values(), strict=True):
            torch.testing.assert_close(a, b)
        thin = narrowed(wide, "face-student-tiny")
        wide_rows = {tuple(row.flatten()[:27].tolist()) for row in wide.stem[0].weight}
        self.assertTrue(all(tuple(row.flatten()[:27].tolist()) in wide_rows for row in thin.stem[0].weight))

    def test_a_blend_is_the_mean_of_all_its_runs(self):
        with tempfile.TemporaryDirectory() as folder:
            nets_ = [nets.build("face-student-tiny") for _ in range(3)]
            weights = [copy.deepcopy(net.state_dict()) for net in nets_]
            for i in (1, 2):
                (Path(folder) / str(i)).mkdir()
                torch.save({"average": weights[i]}, Path(folder) / str(i) / "checkpoint.pt")
            mean = blended(nets_[0], [Path(folder) / "1", Path(folder) / "2"]).state_dict()
        for key, value in mean.items():
            if value.is_floating_point():
                torch.testing.assert_close(value, sum(w[key] for w in weights) / 3)

    def test_frozen_parts_keep_their_weights(self):
        recipe = Recipe(net="face-student-tiny", steps=2, warmup=1, batch=2, frozen="stem,down4")
        state = State(recipe, Objective())
        before = {k: v.clone() for k, v in state.net.state_dict().items()}
        label, box = torch.zeros(2, 4, 4, dtype=torch.int8), torch.zeros(2, 4, 4, 4)
        label[:, 1, 1], box[:, 1, 1] = 1, torch.tensor([4.0, 4, 20, 20])
        image = torch.stack([toy.pattern(32, 32), toy.pattern(32, 32).flip(1)])
        _descend(state, recipe, Objective(), {"image": image, "label": label, "box": box})
        changed = {k.split(".")[0] for k, v in state.net.state_dict().items() if not torch.equal(v, before[k])}
        self.assertEqual(changed & {"stem", "down4"}, set())
        self.assertIn("fine", changed)

    def test_committed_toy_answers_as_recorded(self):
        file = Interpreter(MODELS / "testdata" / "toy.safetensors")
        for name, answer in file.run(file.tensors["reference.image"]).items():
            torch.testing.assert_close(answer, file.tensors[f"reference.{name}"])


if __name__ == "__main__":
    unittest.main()
