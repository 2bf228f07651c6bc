"""The log keeps outcomes to the bit, and gives none of another search."""

from foldin.tuning.log import Log
from foldin.tuning.trials import COMPLETE, IMPOSSIBLE, PRUNED, Job, Outcome, Trial

OUTCOME = Outcome(COMPLETE, 0.1 + 0.2, (1 / 3, 0.7))


def test_outcomes_are_as_they_were(tmp_path):
    log = Log(tmp_path / "new" / "log", "a")
    log.add(Job(1, {"l2": 0.1}), OUTCOME)
    log.add(Job(3, {"l2": 0.2}), Outcome(PRUNED, None, ()))
    again = Log(tmp_path / "new" / "log", "a")
    assert again.get(Job(1, {"l2": 0.1})) == OUTCOME
    assert again.get(Job(3, {"l2": 0.2})) == Outcome(PRUNED, None, ())
    assert again.get(Job(2, {"l2": 0.1})) is None
    assert again.trials(3) == [
        Trial(1, {"l2": 0.1}, OUTCOME),
        Trial(3, {"l2": 0.2}, Outcome(PRUNED, None, ())),
    ]
    # A shorter search than the one before has no trial 3.
    assert [trial.number for trial in again.trials(2)] == [1]


def test_a_trial_that_was_not_possible_is_tried_again_by_the_next_run(tmp_path):
    log, impossible = Log(tmp_path / "log", "a"), Outcome(IMPOSSIBLE, None, (), "needs 21 GB")
    log.add(Job(1, {}), impossible)
    assert log.get(Job(1, {})).reason == "needs 21 GB"
    assert Log(tmp_path / "log", "a").get(Job(1, {})) is None


def test_a_trial_with_other_settings_is_run_again(tmp_path):
    log = Log(tmp_path / "log", "a")
    log.add(Job(1, {"l2": 0.1}), OUTCOME)
    assert log.get(Job(1, {"l2": 0.2})) is None
    assert log.get(Job(1, {})) is None


def test_a_log_of_another_search_is_begun_anew(tmp_path):
    Log(tmp_path / "log", "a").add(Job(1, {}), OUTCOME)
    assert Log(tmp_path / "log", "b").get(Job(1, {})) is None
    assert Log(tmp_path / "log", "a").get(Job(1, {})) is None


def test_half_a_line_is_left_out_and_written_over(tmp_path):
    file = tmp_path / "log"
    Log(file, "a").add(Job(1, {}), OUTCOME)
    Log(file, "a").add(Job(2, {}), OUTCOME)
    file.write_bytes(file.read_bytes()[:-9])
    log = Log(file, "a")
    assert (log.get(Job(1, {})), log.get(Job(2, {}))) == (OUTCOME, None)
    log.add(Job(2, {}), OUTCOME)
    assert Log(file, "a").get(Job(2, {})) == OUTCOME


def test_even_half_a_fingerprint_is_no_obstacle(tmp_path):
    file = tmp_path / "log"
    file.write_text('{"finger')
    Log(file, "a").add(Job(1, {}), OUTCOME)
    assert Log(file, "a").get(Job(1, {})) == OUTCOME
