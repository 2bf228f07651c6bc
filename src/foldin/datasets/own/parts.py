"""Proposes several files that are one table, such as a file for each month: `foldin describe own/2024-*.csv`."""

from pathlib import Path

from foldin.core.errors import FoldinError
from foldin.datasets.own import guesses, printed, proposal, samples


def files_of(folder: Path) -> list[Path]:
    """Return the files in a folder.

    Raises
    ------
    FoldinError
        When there is none.
    """
    found = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    if not found:
        raise FoldinError("this folder holds no files", where=folder, remedy="give the path of a file")
    return found


def renamed(looks: dict[Path, samples.Looks]) -> dict[str, str] | None:
    """Return columns that some of several files call otherwise than the first: their name → that of the first.

    Parameters
    ----------
    looks : dict of Path to Looks
        A look at each file.

    Returns
    -------
    dict of str to str, or None
        None where the files are no parts of one table.
    """
    first, *others = (looks[path] for path in sorted(looks))
    columns = list(map(str, first.rows))
    same = [sorted(map(str, look.rows)) == sorted(columns) for look in others]
    if first.named and all(look.named for look in others) and all(same):
        return {}
    if not first.named or any(not look.named or look.sparse for look in others):
        return {} if all(list(map(str, look.rows)) == columns and not look.named for look in [first, *others]) else None
    try:
        roles = [guesses.roles_of(look.rows, "", named=True).found for look in (first, *others)]
    except FoldinError:
        return None
    if any(set(found) != set(roles[0]) for found in roles):
        return None
    # Tables of items and users have no ratings, and a list of ratings has more than ids.
    by_name = [role for role in ("user", "item", "pair") if role in roles[0]]
    if not set(roles[0]) - set(by_name) or any(found[role] != roles[0][role] for found in roles for role in by_name):
        return None
    other_names: dict[str, str] = {}
    for look, found in zip(others, roles[1:], strict=True):
        for role, name in found.items():
            mine = roles[0][role]
            if name == mine or mine in map(str, look.rows):
                continue
            if name in columns or other_names.get(name, mine) != mine:
                return None
            other_names[name] = mine
    return other_names


def examine(paths: list[Path], other_names: dict[str, str]) -> proposal.Proposal:
    """Return what to declare of files that are parts of one table.

    Parameters
    ----------
    paths : list of Path
        The files, sorted.
    other_names : dict of str to str
        As `renamed` returns.

    Raises
    ------
    FoldinError
        When no pattern of names tells them from other files.
    """
    names = [path.name for path in paths]
    head = printed.common_start(names)
    tail = printed.common_start([name[len(head) :][::-1] for name in names])[::-1]
    pattern, folder = f"{head}*{tail}", paths[0].parent
    matching = sorted(path for path in folder.glob(pattern) if path.is_file())
    if matching != paths or not (head or tail):
        raise FoldinError(
            "these files have the same columns, and no pattern of names is theirs alone",
            where=folder / pattern,
            remedy="give their names a beginning that no other file has, put them into a folder of their own, or "
            "describe each alone",
        )
    found = proposal.examine(paths[0], parts=paths, more={"renamed": other_names} if other_names else {})
    found.notes.insert(0, f"{len(paths)} files with the same columns, read as one: {names[0]} to {names[-1]}")
    for name, mine in other_names.items():
        found.unsure.append(f"'{name}' of some files is taken to be what others call '{mine}'; else leave out renamed")
    declared = {"files": f"{printed.folder_of(paths[0])}/{pattern}"}
    found.declared = declared | {key: value for key, value in found.declared.items() if key != "file"}
    return found
