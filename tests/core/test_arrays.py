"""Arrays in files: read back as they were, in bytes that depend neither on Python's version nor on its zlib."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from foldin.core import arrays

OF_NUMBERS = hnp.arrays(
    st.sampled_from(["<f4", "<f8", "<i4", "<i8", "?"]), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0)
)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8})?", fullmatch=True), OF_NUMBERS, max_size=4))
def test_what_is_read_is_what_was_written(tmp_path_factory, given_arrays):
    file = tmp_path_factory.mktemp("arrays") / "some.npz"
    arrays.write(file, given_arrays)
    found = arrays.read(file)
    assert list(found) == list(given_arrays)
    for name, array in given_arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_headers_are_those_that_every_python_writes(tmp_path):
    arrays.write(tmp_path / "some.npz", {"x": np.arange(3.0)})
    content = (tmp_path / "some.npz").read_bytes()
    assert content[4:6] == (20).to_bytes(2, "little")  # version 2.0 to extract: no ZIP64
    assert hashlib.sha256(content).hexdigest().startswith("fffb3ecdd2584d9b")


@pytest.mark.parametrize("shape", [(0, 3), (4, 0), (30, 20)])
def test_a_matrix_and_its_cells(tmp_path, shape):
    dense = np.random.default_rng(1).integers(0, 3, shape).astype(np.float32)
    matrix = sparse.csr_array(dense)
    arrays.write_matrix(tmp_path / "matrix.npz", matrix)
    np.testing.assert_array_equal(sparse.csr_array(sparse.load_npz(tmp_path / "matrix.npz")).toarray(), dense)
    arrays.write_cells(tmp_path / "cells.npz", matrix)
    cells = arrays.read_cells(tmp_path / "cells.npz")
    assert cells.shape == shape
    assert cells.dtype == np.float32
    np.testing.assert_array_equal(cells.toarray(), dense > 0)


def test_a_stored_zero_is_a_cell(tmp_path):
    matrix = sparse.csr_array((np.array([0.0, 2.0], dtype=np.float32), ([0, 1], [2, 0])), shape=(2, 3))
    arrays.write_cells(tmp_path / "cells.npz", matrix)
    assert arrays.read_cells(tmp_path / "cells.npz").nnz == 2
