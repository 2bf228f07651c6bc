"""Raw files: generated, copied from a local archive or downloaded, checked, and whole or absent."""

import hashlib
import zipfile
from dataclasses import replace

import pytest

from foldin.core import paths
from foldin.core.errors import FoldinError
from foldin.datasets import registry
from foldin.datasets.composition import composed
from foldin.datasets.releases import Counts, Release
from foldin.preparation import fetch

CONTENT = {"u.data": b"1\t1\t5\t880000000\n", "u.item": b"1|Crown (1990)\n"}
NOWHERE = "http://127.0.0.1:9/tiny.zip"


@pytest.fixture
def tiny(workspace, monkeypatch):
    """Declare a data set of two small files and return its declaration."""
    monkeypatch.delenv(fetch.VARIABLE, raising=False)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}
    dataset = replace(registry.get("ml-100k"), name="tiny", address=NOWHERE, files=digests)
    monkeypatch.setitem(registry._ALL, "tiny", dataset)
    return dataset


@pytest.fixture
def archive(tiny, workspace, monkeypatch):
    """Put the files of `tiny` into a local archive, beside one that is not declared."""
    folder = workspace / "archives" / "tiny"
    folder.mkdir(parents=True)
    for name, content in (CONTENT | {"private.txt": b"not declared"}).items():
        (folder / name).write_bytes(content)
    monkeypatch.setenv(fetch.VARIABLE, str(workspace / "archives"))
    return folder


def zipped(tiny, workspace, monkeypatch, members, kind=zipfile.ZIP_STORED):
    packed = workspace / "tiny.zip"
    with zipfile.ZipFile(packed, "w", kind) as file:
        for name, content in members.items():
            file.writestr(name, content)
    monkeypatch.setitem(registry._ALL, "tiny", replace(tiny, address=packed.as_uri()))
    return packed


def raw_files():
    return sorted(path.name for path in paths.raw("tiny").iterdir())


def assert_nothing_left():
    raw = paths.raw("tiny").parent
    assert not raw.exists() or list(raw.iterdir()) == []


def test_demo_is_generated_with_the_same_bytes_every_time(workspace):
    def digests():
        fetch.run("demo")
        return {path.name: path.read_bytes() for path in paths.raw("demo").iterdir()}

    first = digests()
    assert sorted(first) == ["items.csv", "ratings.csv", "users.csv"]
    assert digests() == first
    assert first["ratings.csv"].startswith(b"user_id,item_id,rating,timestamp\nuser-")
    times = [int(line.split(b",")[3]) for line in first["ratings.csv"].splitlines()[1:]]
    assert times == sorted(times)


def test_files_come_from_the_local_archive_and_only_the_declared_ones(archive, capsys):
    fetch.run("tiny")
    assert raw_files() == ["u.data", "u.item"]
    assert (paths.raw("tiny") / "u.data").read_bytes() == CONTENT["u.data"]
    assert "tiny: 2 raw files" in capsys.readouterr().err


def test_an_archive_without_the_folder_is_named_and_not_replaced_by_a_download(tiny, workspace, monkeypatch):
    monkeypatch.setenv(fetch.VARIABLE, str(workspace))
    zipped(tiny, workspace, monkeypatch, CONTENT)
    with pytest.raises(FoldinError) as error:
        fetch.run("tiny")
    assert str(workspace / "tiny") in str(error.value)
    assert "'tiny'" in str(error.value)
    assert fetch.VARIABLE in str(error.value)
    assert_nothing_left()


def test_a_file_missing_in_the_archive_is_named(archive):
    (archive / "u.item").unlink()
    with pytest.raises(FoldinError, match=r"tiny/u\.item: a file of the data set 'tiny' is missing"):
        fetch.run("tiny")
    assert_nothing_left()


def test_a_damaged_file_is_named_with_both_digests_and_nothing_is_left(archive, tiny):
    (archive / "u.data").write_bytes(b"1\t1\t4\t880000000\n")
    with pytest.raises(FoldinError, match=f"SHA-256 of u.data is [0-9a-f]{{64}}, not {tiny.files['u.data']}"):
        fetch.run("tiny")
    assert_nothing_left()


def test_a_failed_fetch_keeps_what_was_fetched_before(archive):
    fetch.run("tiny")
    (archive / "u.data").write_bytes(b"damaged")
    with pytest.raises(FoldinError):
        fetch.run("tiny")
    assert (paths.raw("tiny") / "u.data").read_bytes() == CONTENT["u.data"]


def test_a_download_is_unpacked_whatever_folder_the_zip_has(tiny, workspace, monkeypatch):
    zipped(tiny, workspace, monkeypatch, {f"ml/{name}": content for name, content in CONTENT.items()})
    fetch.run("tiny")
    assert raw_files() == [fetch.FETCHED, "u.data", "u.item"]


def test_what_was_downloaded_and_is_whole_is_not_downloaded_again(tiny, workspace, monkeypatch):
    packed = zipped(tiny, workspace, monkeypatch, CONTENT)
    fetch.run("tiny")
    packed.unlink()
    fetch.run("tiny")
    assert raw_files() == [fetch.FETCHED, "u.data", "u.item"]
    (paths.raw("tiny") / "u.item").write_bytes(b"spoilt")
    with pytest.raises(FoldinError, match="cannot be downloaded"):
        fetch.run("tiny")


def test_no_path_in_a_zip_can_leave_the_folder(tiny, workspace, monkeypatch):
    evil = {"../../../escaped.txt": b"x", "/tmp/u.dat": b"x", "../../u.data": CONTENT["u.data"]}
    zipped(tiny, workspace, monkeypatch, evil | {"u.item": CONTENT["u.item"]})
    before = {path for path in workspace.rglob("*") if "raw" not in path.parts and path.name != "data"}
    fetch.run("tiny")
    assert raw_files() == [fetch.FETCHED, "u.data", "u.item"]
    after = {path for path in workspace.rglob("*") if "raw" not in path.parts and path.name != "data"}
    assert after == before


def test_a_zip_that_unpacks_to_an_absurd_size_is_refused_before_it_is_unpacked(tiny, workspace, monkeypatch):
    zipped(tiny, workspace, monkeypatch, CONTENT | {"u.data": b"0" * 10_000_000}, zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(fetch.shutil, "copyfileobj", lambda *_: pytest.fail("unpacked"))
    with pytest.raises(FoldinError, match=r"'tiny' would unpack to 0\.01 GB, more than 100 times its size; it is not"):
        fetch.run("tiny")
    assert_nothing_left()


def test_a_member_that_hides_its_size_is_not_unpacked_beyond_what_it_says(tiny, workspace, monkeypatch):
    """The size that a zip states of a member is what was added up, and no more than that is read."""
    packed = zipped(tiny, workspace, monkeypatch, CONTENT | {"u.data": b"0" * 10_000_000}, zipfile.ZIP_DEFLATED)
    stated = (10_000_000).to_bytes(4, "little")
    assert packed.read_bytes().count(stated) == 2
    packed.write_bytes(packed.read_bytes().replace(stated, (17).to_bytes(4, "little")))
    written = []
    monkeypatch.setattr(fetch.shutil, "copyfileobj", lambda source, _: written.append(len(source.read())))
    with pytest.raises(FoldinError, match="no whole zip archive"):
        fetch.run("tiny")
    assert sum(written) < 100
    assert_nothing_left()


def test_an_endless_download_is_cut_off(tiny, workspace, monkeypatch):
    zipped(tiny, workspace, monkeypatch, CONTENT)
    monkeypatch.setattr(fetch, "LARGEST", 100)
    with pytest.raises(FoldinError, match="the download has more than 100 bytes; get the original"):
        fetch.run("tiny")
    assert_nothing_left()


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda packed: packed.write_bytes(packed.read_bytes()[:60]), "no whole zip archive"),
        (lambda packed: packed.write_text("<html>blocked</html>"), "no whole zip archive"),
        (lambda packed: packed.unlink(), "cannot be downloaded"),
    ],
)
def test_a_broken_download_is_one_line_and_leaves_nothing(tiny, workspace, monkeypatch, spoil, what):
    spoil(zipped(tiny, workspace, monkeypatch, CONTENT))
    with pytest.raises(FoldinError, match=what):
        fetch.run("tiny")
    assert_nothing_left()


def test_a_zip_without_a_declared_file_is_named(tiny, workspace, monkeypatch):
    zipped(tiny, workspace, monkeypatch, {"u.data": CONTENT["u.data"]})
    with pytest.raises(FoldinError, match=r"holds no u\.item"):
        fetch.run("tiny")
    assert_nothing_left()


@pytest.mark.parametrize("kind", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_with_a_damaged_member_is_refused(tiny, workspace, monkeypatch, kind):
    packed = zipped(tiny, workspace, monkeypatch, CONTENT, kind)
    whole = packed.read_bytes()
    start = whole.index(b"u.data") + len("u.data")
    packed.write_bytes(whole[:start] + b"\xff\xff\xff" + whole[start + 3 :])
    with pytest.raises(FoldinError, match="no whole zip archive"):
        fetch.run("tiny")
    assert_nothing_left()


def test_without_network_or_archive_one_line_says_what_to_do(tiny):
    with pytest.raises(FoldinError) as error:
        fetch.run("tiny")
    said = str(error.value)
    assert "\n" not in said
    for part in ("'tiny'", NOWHERE, f"{fetch.VARIABLE} is not set", "tiny/ holds u.data, u.item"):
        assert part in said
    assert_nothing_left()


def test_real_files_come_through_the_same_door(workspace, archives, monkeypatch):
    monkeypatch.setenv(fetch.VARIABLE, str(archives))
    fetch.run("ml-100k")
    assert sorted(path.name for path in paths.raw("ml-100k").iterdir()) == sorted(registry.get("ml-100k").files)


def released(tiny, monkeypatch, **changes):
    dataset = replace(tiny, **changes)
    monkeypatch.setitem(registry._ALL, "tiny", dataset)
    return dataset


def test_another_release_and_what_is_optional_are_taken_as_they_are(archive, tiny, monkeypatch):
    released(tiny, monkeypatch, optional=("extra_*.txt",), other_releases=(Release({"part_*.txt": None}),))
    for name in ("u.data", "u.item"):
        (archive / name).unlink()
    for name in ("part_1.txt", "part_2.txt", "extra_1.txt", "other.txt"):
        (archive / name).write_text(name)
    fetch.run("tiny")
    assert raw_files() == ["extra_1.txt", "part_1.txt", "part_2.txt"]


def test_of_two_releases_the_usual_one_is_taken_and_a_missing_file_names_both(archive, tiny, monkeypatch):
    released(tiny, monkeypatch, other_releases=(Release({"part_*.txt": None}),))
    (archive / "part_1.txt").write_text("part")
    fetch.run("tiny")
    assert raw_files() == ["u.data", "u.item"]
    (archive / "part_1.txt").unlink()
    (archive / "u.data").unlink()
    with pytest.raises(FoldinError, match=r"u\.data: a file .* is missing; .*\(or, instead of .*: part_\*\.txt\)"):
        fetch.run("tiny")


def test_a_known_part_of_the_files_is_told_from_the_whole(archive, tiny, monkeypatch):
    part = {"u.data": tiny.files["u.data"]}
    dataset = released(
        tiny, monkeypatch, files={"u.data": None}, counts=Counts(9), other_releases=(Release(part, Counts(1)),)
    )
    assert dataset.release_in(archive).counts == Counts(1)
    (archive / "u.data").write_bytes(b"the whole")
    assert dataset.release_in(archive).counts == Counts(9)


def test_data_that_no_program_can_download_say_where_people_get_them(tiny, monkeypatch):
    released(tiny, monkeypatch, address=None, page="https://example.org/page", archive="shelf")
    with pytest.raises(FoldinError) as error:
        fetch.run("tiny")
    for part in ("https://example.org/page", "cannot be downloaded by a program", "shelf/ holds u.data, u.item"):
        assert part in str(error.value)
    assert_nothing_left()


def test_the_parts_of_a_composed_data_set_come_into_a_folder_each(archive, tiny, workspace, monkeypatch):
    parts = {domain: replace(tiny, name=f"tiny-{domain}", archive="tiny", domains=(domain,)) for domain in ("a", "b")}
    monkeypatch.setitem(registry._ALL, "both", composed("both", "Both.", parts))
    fetch.run("both")
    found = sorted(path.relative_to(paths.raw("both")).as_posix() for path in paths.raw("both").rglob("u.*"))
    assert found == ["tiny-a/u.data", "tiny-a/u.item", "tiny-b/u.data", "tiny-b/u.item"]
