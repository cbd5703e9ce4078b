// Python's signals during a long call.
#pragma once
#include <nanobind/nanobind.h>

namespace prunetext {

// Lets Python's handlers run: that of Ctrl-C raises KeyboardInterrupt, which ends the call. In a thread other than the
// main one, this does nothing.
inline void ask_python() {
    const nanobind::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() < 0) throw nanobind::python_error();
}

}  // namespace prunetext
