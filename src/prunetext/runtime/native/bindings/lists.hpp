// Lists of pairs for Python, made without what a general conversion costs.
#pragma once
#include <nanobind/nanobind.h>

#include <cstring>
#include <string_view>

namespace prunetext {

// A list of so many items, which each(i) makes: references that the list takes over, nullptr where one fails.
template <class Each> nanobind::object make_list(size_t count, Each each) {
    const nanobind::object list = nanobind::steal(PyList_New(static_cast<Py_ssize_t>(count)));
    if (!list.is_valid()) throw nanobind::python_error();
    for (size_t i = 0; i < count; ++i) {
        PyObject *const item = each(i);
        if (!item) throw nanobind::python_error();
        PyList_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(i), item);
    }
    return list;
}

// (label, probability)
inline PyObject *make_pair(nanobind::handle label, float probability) {
    PyObject *const number = PyFloat_FromDouble(static_cast<double>(probability));
    PyObject *const pair = number ? PyTuple_New(2) : nullptr;
    if (!pair) {
        Py_XDECREF(number);
        return nullptr;
    }
    PyTuple_SET_ITEM(pair, 0, Py_NewRef(label.ptr()));
    PyTuple_SET_ITEM(pair, 1, number);
    return pair;
}

// Of UTF-8, most of which is ASCII.
inline PyObject *make_str(std::string_view text) {
    unsigned char all = 0;
    for (const char c : text) all |= static_cast<unsigned char>(c);
    const auto size = static_cast<Py_ssize_t>(text.size());
    if (all >= 128) return PyUnicode_DecodeUTF8(text.data(), size, nullptr);
    PyObject *const found = PyUnicode_New(size, 127);
    if (found && size) std::memcpy(PyUnicode_1BYTE_DATA(found), text.data(), text.size());
    return found;
}

// (n-gram, number)
inline PyObject *make_entry(std::string_view ngram, double number) {
    PyObject *const first = make_str(ngram);
    PyObject *const second = first ? PyFloat_FromDouble(number) : nullptr;
    PyObject *const pair = second ? PyTuple_New(2) : nullptr;
    if (!pair) {
        Py_XDECREF(first);
        Py_XDECREF(second);
        return nullptr;
    }
    PyTuple_SET_ITEM(pair, 0, first);
    PyTuple_SET_ITEM(pair, 1, second);
    return pair;
}

}  // namespace prunetext
