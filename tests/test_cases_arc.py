"""ARC as it really lies about: a competition's files, an editor's copies, tasks that a model never saw."""

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import assert_same_bits, weights
from test_arc import CONFIG, tiny

from hrm_lite import Trainer, load_model, save_model
from hrm_lite.puzzles import arc
from hrm_lite.puzzles.arc.tasks import Task
from hrm_lite.voting import adopt_tasks, check_tasks, solve_tasks

COMPETITION = Path(__file__).parent / "data" / "cases" / "arc-prize-2025"
FEW = dict(augmentations=3)


def task(name, colour):
    pairs = [([[colour, 0], [0, 0]], [[0, colour], [0, 0]])]
    return Task(name, pairs, pairs).to_json()


@pytest.fixture
def folder(tmp_path):
    """Four tasks of one file each."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    for i, name in enumerate("abcd"):
        (folder / f"{name}.json").write_text(json.dumps(task(name, i + 1)), encoding="utf-8")
    return folder


# -- a competition's files


def test_a_competitions_folder_loads_with_the_answers_of_its_solutions():
    train, test = (arc.load(COMPETITION, split, **FEW) for split in ("train", "test"))
    assert sorted(set(train.task_names())) == ["eaaaa1111", "taaaa1111"]
    assert train.task_names().count("taaaa1111") == 4 and train.task_names().count("eaaaa1111") == 2
    assert test.task_names() == ["eaaaa1111"] * 2
    solutions = json.loads((COMPETITION / "arc-agi_evaluation_solutions.json").read_text(encoding="utf-8"))
    assert [answer.tolist() for _, answer in test.tasks[0].test] == solutions["eaaaa1111"]
    guesses = {"eaaaa1111": [[np.array(grid)] for grid in solutions["eaaaa1111"]]}
    score = arc.score(test, guesses)
    assert score.inputs == 1 and score.source == str(COMPETITION) and score.of == (1, 2)
    assert str(COMPETITION) in str(score) and score.content_hash == arc.score(test.tasks, guesses).content_hash


def test_a_test_set_without_answers_is_trained_on_solved_and_submitted_but_not_scored(tmp_path):
    train, test = (arc.load(COMPETITION, split, solve="test", **FEW) for split in ("train", "test"))
    names = train.task_names()
    assert [names.count(name) for name in ("xaaaa1111", "eaaaa1111", "taaaa1111")] == [2, 4, 4]
    assert test.task_names() == ["xaaaa1111"] * 2 and not test.labels.any() and not test.tasks[0].answered
    assert train.labels.any(1).all(), "what is trained on has an answer"
    model = tiny(train)
    Trainer(model, train, CONFIG, progress=False).fit()
    ranked = solve_tasks(model, test, max_segments=1)
    arc.write_submission(tmp_path / "submission.json", ranked)
    written = json.loads((tmp_path / "submission.json").read_text(encoding="utf-8"))
    sample = json.loads((COMPETITION / "sample_submission.json").read_text(encoding="utf-8"))
    assert written.keys() == sample.keys()
    assert [list(one) for one in written["xaaaa1111"]] == [list(one) for one in sample["xaaaa1111"]]
    assert arc.read_submission(COMPETITION / "sample_submission.json", test.tasks)
    for judge in (
        lambda: arc.score(test, ranked),
        lambda: arc.score_submission(tmp_path / "submission.json", test),
        lambda: test.score(test.labels),
    ):
        with pytest.raises(ValueError, match=r"not known.*as competitions hand tests out.*write_submission"):
            judge()


def test_tasks_that_the_test_file_repeats_are_not_trained_on(tmp_path):
    shutil.copytree(COMPETITION, tmp_path / "c")
    challenges = "arc-agi_test_challenges.json"
    shutil.copy(COMPETITION / "arc-agi_evaluation_challenges.json", tmp_path / "c" / challenges)
    train, test = (arc.load(tmp_path / "c", split, solve="test", **FEW) for split in ("train", "test"))
    assert test.task_names() == ["eaaaa1111"] * 2 and train.task_names().count("eaaaa1111") == 2
    assert not test.labels.any(), "the answers of the evaluation file are not those of the test file"


def test_one_file_of_challenges_finds_its_solutions_and_may_have_none(tmp_path):
    test = arc.load(COMPETITION / "arc-agi_evaluation_challenges.json", "test", **FEW)
    assert test.labels.any(1).all()
    assert not arc.load(COMPETITION / "arc-agi_test_challenges.json", "test", **FEW).labels.any()
    shutil.copy(COMPETITION / "arc-agi_test_challenges.json", tmp_path)
    assert arc.load(tmp_path, "test", **FEW).task_names() == ["xaaaa1111"] * 2, "the only part that is there"


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("arc-agi_evaluation_solutions.json", {"other": [[[1]]]}, "does not belong to .*differ in eaaaa1111,other"),
        ("arc-agi_evaluation_solutions.json", {"eaaaa1111": [[[1]]]}, "expected a list of 2 answers.*got 1"),
        ("arc-agi_evaluation_solutions.json", {"eaaaa1111": [[[1]], [[77]]]}, "eaaaa1111, test pair 2.*77 is not a"),
        ("arc-agi_evaluation-challenges.json", {}, "two files of evaluation challenges"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(tmp_path, file, content, says):
    shutil.copytree(COMPETITION, tmp_path / "c")
    (tmp_path / "c" / file).write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match=says):
        arc.load(tmp_path / "c", "test", **FEW)


def test_what_cannot_be_solved_and_what_is_no_task_file_is_said(folder):
    with pytest.raises(ValueError, match=r"solve='test' is not usable.*has no such tasks.*'evaluation' can be solved"):
        arc.load(folder, "test", solve="test", **FEW)
    with pytest.raises(ValueError, match='solve must be "evaluation", "test" or None'):
        arc.load(folder, "test", solve="training", **FEW)
    for name in ("sample_submission.json", "arc-agi_evaluation_solutions.json"):
        with pytest.raises(ValueError, match=r"as solutions and submissions do.*Give the file of challenges"):
            arc.load(COMPETITION / name, "test", **FEW)


# -- what others leave beside the data


@pytest.mark.parametrize(
    "left",
    [".ipynb_checkpoints/a-checkpoint.json", ".trash/a.json", "__MACOSX/._a.json", "._a.json", "__MACOSX/a.json"],
)
@pytest.mark.parametrize("layout", ["one folder", "two parts"])
def test_what_is_left_beside_tasks_moves_no_identifier(folder, left, layout):
    if layout == "two parts":
        for part in ("training", "evaluation"):
            (folder / part).mkdir()
        for name, part in zip("abcd", ("training", "training", "evaluation", "evaluation"), strict=True):
            (folder / f"{name}.json").rename(folder / part / f"{name}.json")
    before = arc.load(folder, "train", **FEW)
    for home in (folder, *(p for p in folder.iterdir() if p.is_dir())):
        (home / left).parent.mkdir(exist_ok=True)
        (home / left).write_text(json.dumps(task("copy", 7)), encoding="utf-8")
    after = arc.load(folder, "train", **FEW)
    assert after.content_hash == before.content_hash and after.owners == before.owners


def test_a_folder_that_is_hidden_itself_can_be_read(folder):
    hidden = folder.rename(folder.parent / ".tasks")
    assert len(arc.read_folder(hidden)) == 4


# -- tasks that a model never saw


@pytest.fixture
def trained(folder):
    train = arc.load(folder, "train", **FEW)
    model = tiny(train)
    Trainer(model, train, CONFIG.replace(max_steps=8), progress=False).fit()
    return model


def test_a_trained_model_knows_its_tasks_and_so_does_its_file(trained, folder, tmp_path):
    test = arc.load(folder, "test", **FEW)
    assert trained.owners == test.owners
    assert trained.owners["b"][0] == test.puzzle_ids[test.task_names().index("b")]
    save_model(tmp_path / "model.safetensors", trained)
    loaded = load_model(tmp_path / "model.safetensors")
    for model in (trained, loaded):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert sorted(solve_tasks(model, test, max_segments=1)) == list("abcd")


def test_tasks_that_the_model_never_saw_are_refused_by_name(trained, folder):
    (folder / "a.json").unlink()
    (folder / "e.json").write_text(json.dumps(task("e", 9)), encoding="utf-8")
    with pytest.raises(ValueError, match=r"was not trained on 1 of the 4 tasks \(e\).*those of others.*adopt_tasks"):
        solve_tasks(trained, arc.load(folder, "test", **FEW))
    (folder / "e.json").unlink()
    with pytest.raises(ValueError, match=r"of 3 of the 3 tasks \(b, c, d\) have other identifiers"):
        solve_tasks(trained, arc.load(folder, "test", **FEW))


def test_a_task_of_the_same_name_with_other_demonstrations_is_another(trained, folder):
    (folder / "b.json").write_text(json.dumps(task("b", 8)), encoding="utf-8")
    with pytest.raises(ValueError, match=r"of 1 of the 4 tasks \(b\)"):
        check_tasks(trained, arc.load(folder, "test", **FEW))


@pytest.mark.parametrize("change", [dict(augmentations=2), dict(augmentations=3, seed=1)])
def test_other_copies_of_known_tasks_are_refused(trained, folder, change):
    with pytest.raises(ValueError, match=r"stand for other copies.*augmentations, seed"):
        solve_tasks(trained, arc.load(folder, "test", **change))


def test_settings_that_change_no_identifier_are_fine():
    """The tasks to be solved come first, so that it makes no difference to them what else was trained on."""
    both, alone = (arc.load(COMPETITION, "train", train_on=on, **FEW) for on in ("both", "evaluation"))
    for trained_on, asked in (("both", "evaluation"), ("evaluation", "both")):
        train = both if trained_on == "both" else alone
        model = tiny(train)
        Trainer(model, train, CONFIG.replace(max_steps=1), progress=False)
        check_tasks(model, arc.load(COMPETITION, "test", train_on=asked, **FEW))


def test_a_model_that_cannot_tell_is_warned_of(folder):
    test = arc.load(folder, "test", **FEW)
    with pytest.warns(UserWarning, match="does not say which tasks its puzzle embeddings belong to"):
        solve_tasks(tiny(test), test, copies=1, max_segments=1)


def test_training_on_other_tasks_from_the_embeddings_of_these_is_warned_of(trained, folder, tmp_path):
    other = arc.load(COMPETITION, "train", **FEW)
    with pytest.warns(UserWarning, match=r"belong to other tasks .*adopt_tasks"):
        Trainer(trained, other, CONFIG, progress=False)
    with pytest.raises(ValueError, match="was not trained on 2 of the 4 tasks"):  # a and b went to others
        check_tasks(trained, arc.load(folder, "test", **FEW))
    trained.owners = None  # a published checkpoint
    with pytest.warns(UserWarning, match=r"does not say on which tasks.*adopt_tasks"):
        Trainer(trained, other, CONFIG, progress=False)
    with warnings.catch_warnings():  # a part of the tasks now, the others later: nobody loses an embedding
        warnings.simplefilter("error")
        train, test = (arc.load(folder, split, **FEW) for split in ("train", "test"))
        model = tiny(train)
        Trainer(model, train[:2], CONFIG, progress=False).fit()
        assert sorted(model.owners) == ["a", "b"]
        Trainer(model, train[2:], CONFIG, progress=False).fit()
        check_tasks(model, test)


def test_a_held_out_set_of_tasks_that_are_not_trained_on_is_refused(folder):
    train = arc.load(folder, "train", **FEW)
    test = arc.load(COMPETITION, "test", **FEW)
    assert test.identifiers <= train.identifiers
    with pytest.raises(ValueError, match="was not trained on 1 of the 1 tasks"):
        Trainer(tiny(train), train, CONFIG, held_out=test, progress=False)


def test_new_tasks_begin_at_the_mean_and_known_ones_keep_what_they_learned(trained, folder):
    old = trained.input_net.puzzles.weight.clone()
    before = {name: own.copy() for name, own in trained.owners.items()}
    (folder / "a.json").unlink()
    (folder / "e.json").write_text(json.dumps(task("e", 9)), encoding="utf-8")
    new = arc.load(folder, "train", **FEW)
    adopted = adopt_tasks(trained, new)
    table = adopted.input_net.puzzles.weight
    first, count, _ = new.owners["e"]
    mean = np.stack([row for row in old.numpy() if np.abs(row).sum()]).mean(0)
    torch.testing.assert_close(table[first : first + count], torch.from_numpy(mean).expand(count, -1))
    for name in "bcd":
        (was, many, _), (now, count, _) = before[name], new.owners[name]
        assert was != now and torch.equal(table[now : now + count], old[was : was + many])
    assert torch.equal(trained.input_net.puzzles.weight, old) and trained.owners == before
    check_tasks(adopted, arc.load(folder, "test", **FEW))
    with pytest.raises(ValueError, match="no puzzle embeddings"):
        adopt_tasks(tiny(new, puzzles=0), new)


def test_the_embeddings_alone_are_trained_and_nothing_else_moves(trained, tmp_path):
    new = arc.load(COMPETITION, "train", solve="test", **FEW)
    model = adopt_tasks(trained, new)
    before = weights(model)
    config = CONFIG.replace(train_only="puzzles", max_steps=6, ema=0.9, optimizer="adam_atan2")
    Trainer(model, new, config, run_dir=tmp_path / "run", progress=False).fit()
    after = weights(model)
    table = "input_net.puzzles.weight"
    assert not torch.equal(before.pop(table), after.pop(table))
    assert_same_bits(before, after)
    whole = load_model(tmp_path / "run")
    assert whole.owners == new.owners
    halves = adopt_tasks(trained, new)
    Trainer(halves, new, config.replace(max_steps=3), run_dir=tmp_path / "two", progress=False).fit()
    halves = adopt_tasks(trained, new)
    Trainer(halves, new, config, run_dir=tmp_path / "two", progress=False).fit()
    assert_same_bits(weights(halves), weights(whole))
    with pytest.raises(ValueError, match=r"has none \(puzzles=0\)"):
        Trainer(tiny(new, puzzles=0), new, config, progress=False)
