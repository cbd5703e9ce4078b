// Python's texts as Text: their own units, without a copy and without a UTF-8 form left behind in a string.
#pragma once
#include <nanobind/nanobind.h>

#include <optional>
#include <string>
#include <vector>

#include "bindings/arrow_text.hpp"
#include "text/text.hpp"

#ifdef Py_LIMITED_API
#error "Python's stable ABI hides the units of a str: build this module without STABLE_ABI."
#endif

namespace prunetext {

// Borrows the units of a str (or of a subclass of it), or of UTF-8 bytes; `item` is its place in the list `name`, for
// the message.
inline Text text_of(PyObject *object, Py_ssize_t item = -1, const char *name = "texts") {
    if (PyBytes_Check(object)) return {PyBytes_AS_STRING(object), size_t(PyBytes_GET_SIZE(object)), 0, false};
    if (!PyUnicode_Check(object)) {
        const std::string rule =
            (item < 0 ? "text" : name) + std::string(" must be str, not ") + Py_TYPE(object)->tp_name;
        const std::string place = item < 0 ? "" : " (item " + std::to_string(item) + ")";
        throw nanobind::type_error((rule + place).c_str());
    }
#if PY_VERSION_HEX < 0x030C0000
    if (PyUnicode_READY(object) < 0) throw nanobind::python_error();
#endif
    return {PyUnicode_DATA(object), size_t(PyUnicode_GET_LENGTH(object)), int(PyUnicode_KIND(object)),
            PyUnicode_IS_ASCII(object) != 0};
}

// The texts of a list, a tuple or an Arrow array, with a reference to each: they outlive changes to the list while the
// GIL is released.
class HeldTexts {
  public:
    // Those of pairs, first and second after each other.
    static HeldTexts of_pairs(nanobind::handle list) {
        if (!is_sequence(list.ptr())) fail("pairs must be a list of two texts each, not " + type(list.ptr()));
        PyObject *const pairs = list.ptr();
        const Py_ssize_t count = PySequence_Fast_GET_SIZE(pairs);
        HeldTexts held;
        held.held_ = nanobind::steal(PyTuple_New(2 * count));
        if (!held.held_.is_valid()) throw nanobind::python_error();
        // Making the tuple may have run the garbage collector, and with it code that changes the list; nothing below
        // does.
        if (PySequence_Fast_GET_SIZE(pairs) != count) fail("pairs must not change while they are read");
        held.texts_.reserve(size_t(2 * count));
        for (Py_ssize_t i = 0; i < count; ++i) {
            PyObject *const pair = PySequence_Fast_GET_ITEM(pairs, i);
            const std::string place = " (item " + std::to_string(i) + ")";
            if (!is_sequence(pair)) fail("a pair must be a tuple or a list of two texts, not " + type(pair) + place);
            if (PySequence_Fast_GET_SIZE(pair) != 2)
                fail("a pair has two texts, not " + std::to_string(PySequence_Fast_GET_SIZE(pair)) + place);
            for (Py_ssize_t side = 0; side < 2; ++side) {
                PyObject *const text = PySequence_Fast_GET_ITEM(pair, side);
                held.texts_.push_back(text_of(text, i, "texts of a pair"));
                PyTuple_SET_ITEM(held.held_.ptr(), 2 * i + side, Py_NewRef(text));
            }
        }
        return held;
    }

    explicit HeldTexts(nanobind::handle list, const char *name = "texts") {
        if (!PyList_Check(list.ptr()) && !PyTuple_Check(list.ptr())) {
            if (ArrowTexts::is(list)) {
                arrow_.emplace(list, texts_);
                return;
            }
            const std::string rule = std::string(name) + " must be a list of str, not " + Py_TYPE(list.ptr())->tp_name;
            throw nanobind::type_error(rule.c_str());
        }
        held_ = nanobind::steal(PySequence_Tuple(list.ptr()));
        if (!held_.is_valid()) throw nanobind::python_error();
        const Py_ssize_t count = PyTuple_GET_SIZE(held_.ptr());
        texts_.reserve(size_t(count));
        for (Py_ssize_t i = 0; i < count; ++i) texts_.push_back(text_of(PyTuple_GET_ITEM(held_.ptr(), i), i, name));
    }

    const std::vector<Text> &texts() const { return texts_; }
    PyObject *at(size_t i) const { return PyTuple_GET_ITEM(held_.ptr(), Py_ssize_t(i)); }

  private:
    HeldTexts() = default;

    static bool is_sequence(PyObject *object) { return PyList_Check(object) || PyTuple_Check(object); }
    static std::string type(PyObject *object) { return Py_TYPE(object)->tp_name; }
    [[noreturn]] static void fail(const std::string &rule) { throw nanobind::type_error(rule.c_str()); }

    nanobind::object held_;
    std::optional<ArrowTexts> arrow_;
    std::vector<Text> texts_;
};

}  // namespace prunetext
