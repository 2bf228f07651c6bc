"""The stage `tuned`: what `tune` chose on a data set, in a file for each family.

`train` depends on the file of its own family, so that it is trained anew when that changes, and only then. It is there
whether a family is tuned or not.
"""

import json

from foldin.core import files, params, paths


def remove_old_searches(dataset: str) -> None:
    """Remove the searches of families that `tune.families` does not name, so that reports are those of params.yaml.

    DVC leaves them: their stage is no longer there. They lie in the folder of accounts, whose hash the stages `tuned`
    and `report` record.

    Parameters
    ----------
    dataset : str
        The data set.
    """
    tuned = params.tuned_families()
    folder = paths.account(dataset, "tuning/any").parent
    for file in sorted(folder.glob("*")):
        if file.stem not in tuned:
            file.unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def run(dataset: str) -> None:
    """Write data/tuned/<dataset>/<family>.json of every family: model → setting → value; {} of one not tuned.

    Parameters
    ----------
    dataset : str
        The data set.
    """
    tuned = params.tuned_families()
    with files.whole_folder(paths.root() / "data" / "tuned" / dataset) as folder:
        for family in params.families():
            values = {}
            if family in tuned:
                file = paths.account(dataset, f"tuning/{family}")
                files.require(dataset, "tune", f"settings chosen for {family}", file)
                account = json.loads(file.read_text(encoding="utf-8"))
                values = {model: found["chosen"] for model, found in account.items()}
            # Values are kept to the last digit: rounding is for metrics.
            files.write_text(folder / f"{family}.json", json.dumps(values, indent=2, sort_keys=True))
