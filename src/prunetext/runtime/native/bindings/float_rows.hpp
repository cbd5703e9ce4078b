// Python's arrays of float32, by the buffer protocol: no numpy is needed to read one, or to give one.
#pragma once
#include <nanobind/nanobind.h>

#include <string>

namespace prunetext {

// The rows of a C-contiguous float32 array of two axes, by the buffer protocol.
class FloatRows {
  public:
    FloatRows(nanobind::handle array, size_t width) {
        if (PyObject_GetBuffer(array.ptr(), &view_, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) != 0) {
            PyErr_Clear();
            throw nanobind::type_error("vectors must be a C-contiguous array of float32");
        }
        const std::string format = view_.format ? view_.format : "B";
        std::string rule;
        if (format != "f" && format != "<f" && format != "=f") rule = "vectors must be float32";
        else if (view_.ndim != 2 || static_cast<size_t>(view_.shape[1]) != width)
            rule = "vectors must have " + std::to_string(width) + " columns";
        if (rule.empty()) return;
        PyBuffer_Release(&view_);
        throw nanobind::type_error(rule.c_str());
    }
    FloatRows(const FloatRows &) = delete;
    FloatRows &operator=(const FloatRows &) = delete;
    ~FloatRows() { PyBuffer_Release(&view_); }

    const float *data() const { return static_cast<const float *>(view_.buf); }
    size_t count() const { return static_cast<size_t>(view_.shape[0]); }

  private:
    Py_buffer view_;
};

// Room for so many bytes, as a bytearray.
inline nanobind::object make_bytes(size_t count) {
    nanobind::object array = nanobind::steal(PyByteArray_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(count)));
    if (!array.is_valid()) throw nanobind::python_error();
    return array;
}

// Room for so many numbers, as a bytearray.
inline nanobind::object make_floats(size_t count) { return make_bytes(count * sizeof(float)); }

}  // namespace prunetext
