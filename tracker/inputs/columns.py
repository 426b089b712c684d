"""Columns of the structs of arrays: conversion of numbers to arrays of the stated type, or a one-sentence error."""

from __future__ import annotations

from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import DataError

MAX_PIXEL = 1e7  # pixels from the origin: float32 still resolves whole pixels there
MAX_CLASSES = 100_000  # each track stores numbers for every class up to the highest label
MAX_TIME_S = 1e11  # seconds, about 3,000 years: larger values are milliseconds or nanoseconds by mistake
ROUNDING = 1e-3  # tolerance beyond 0..1 for scores of half precision


def numbers(name: str, value: Any) -> NDArray[Any]:
    """`value` as an array of whole or real numbers: an array, nested lists, or a tensor of any library and device.

    Raises:
        DataError: it holds text, objects, truth values, masked or complex numbers, or rows of different lengths.
    """
    if type(value) is np.ndarray and value.dtype.kind in "iuf":
        return value
    try:
        array = np.asarray(_on_host(value))
    except Exception as error:  # any failure of a foreign object's conversion
        what = "rows of different lengths" if "inhomogeneous" in str(error) else f"a {type(value).__name__}"
        raise DataError(f"{name} is {what}, which is no array of numbers; give one number for each place.") from error
    if array.dtype.kind == "O":  # fractions, decimals, integers beyond 64 bits, or no numbers
        kinds = sorted({type(one).__name__ for one in array.flat})
        try:
            if not all(isinstance(one, Real | Decimal) and not isinstance(one, bool) for one in array.flat):
                raise TypeError(kinds)
            array = array.astype(np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise DataError(f"{name} holds {', '.join(kinds[:3])}; give numbers.") from error
    if array.dtype.kind not in "iuf" and array.size:
        raise DataError(f"{name} holds {array.dtype}; give numbers.")
    if isinstance(value, np.ma.MaskedArray) and np.ma.getmaskarray(value).any():
        raise DataError(f"{name} is masked in places; leave such rows out.")
    return array


def _on_host(value: Any) -> Any:
    """A tensor's values in host memory; anything else unchanged."""
    for step in ("detach", "cpu"):
        if callable(way := getattr(value, step, None)):
            value = way()
    if "bfloat16" in str(getattr(value, "dtype", "")) and callable(way := getattr(value, "float", None)):
        value = way()  # a type that NumPy does not have
    return value.numpy() if callable(getattr(value, "numpy", None)) else value


def real(name: str, value: Any, dtype: Any = np.float32) -> NDArray[Any]:
    """`value` as a contiguous array of real numbers; values that are too large become infinite."""
    array = numbers(name, value)
    if array.dtype == dtype:
        return np.ascontiguousarray(array)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray(array, dtype=dtype)


def whole(name: str, value: Any) -> NDArray[np.int64]:
    """`value` as a contiguous array of int64.

    Raises:
        DataError: a number is not whole, or beyond 64 bits.
    """
    array = numbers(name, value)
    if array.dtype == np.int64:
        return np.ascontiguousarray(array)
    if array.dtype.kind in "fu" and array.size:
        with np.errstate(over="ignore"):
            array = array.astype(np.float64) if array.dtype.kind == "f" else array
        good = (array == np.floor(array)) & (np.abs(array) < 2**62)
        if not good.all():
            raise DataError(f"{name} holds {array[~good].flat[0]}; give whole numbers.")
    return np.ascontiguousarray(array, dtype=np.int64)


def rows(name: str, array: NDArray[Any], count: int) -> NDArray[Any]:
    """The array, if it is a column with one value for each of `count` boxes.

    Raises:
        DataError: it is not.
    """
    if array.shape != (count,):
        raise DataError(f"{name} has shape {array.shape}; it needs one value for each of the {count} boxes.")
    return array


def seconds(value: Any, where: str) -> float:
    """A time in seconds as a float; `where` begins the error's sentence.

    Raises:
        DataError: it is no number, not finite, or too large for seconds.
    """
    if type(value) is not float:
        if isinstance(value, bool | str | bytes) or getattr(value, "ndim", False):
            raise DataError(f"{where} is {str(value)[:60]!r}; give a number of seconds.")
        try:
            value = float(value)
        except Exception as error:
            raise DataError(f"{where} is a {type(value).__name__}; give a number of seconds.") from error
    if not abs(value) <= MAX_TIME_S:
        raise DataError(f"{where} is {value:g}; give finite seconds, neither milliseconds nor nanoseconds.")
    return float(value)
