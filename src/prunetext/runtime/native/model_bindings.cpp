// Python's view of a packed model: `_native.Model` and `_native.checksum`.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <bit>
#include <cerrno>
#include <string>
#include <vector>

#include "explain.hpp"
#include "file.hpp"
#include "kernel.hpp"
#include "parallel.hpp"
#include "python_text.hpp"

namespace nb = nanobind;

namespace {

using namespace prunetext;

// Python's own zlib, so that the module links to no library; the output is cut off one byte after what is stated.
std::string inflate(std::string_view stream, size_t size, const std::string &what) {
    const nb::gil_scoped_acquire gil;
    const std::string broken = what + " is not a zlib stream of the size stated";
    try {
        const nb::object inflater = nb::module_::import_("zlib").attr("decompressobj")();
        const nb::object out = inflater.attr("decompress")(nb::bytes(stream.data(), stream.size()), size + 1);
        const auto bytes = nb::cast<nb::bytes>(out);
        if (bytes.size() != size || !nb::cast<bool>(inflater.attr("eof")) || nb::cast<nb::bytes>(inflater.attr("unused_data")).size() != 0)
            throw std::invalid_argument(broken);
        return {bytes.c_str(), bytes.size()};
    } catch (nb::python_error &error) {
        if (error.matches(PyExc_MemoryError)) throw;
        throw std::invalid_argument(broken);
    }
}

nb::str string(const std::string &text) { return nb::str(text.data(), text.size()); }

// The path as the system's bytes, of a str, bytes or os.PathLike.
std::string system_path(nb::handle path) {
    PyObject *encoded = nullptr;
    if (!PyUnicode_FSConverter(path.ptr(), &encoded)) throw nb::python_error();
    const auto bytes = nb::steal<nb::bytes>(encoded);
    return {bytes.c_str(), bytes.size()};
}

class PythonModel {
  public:
    PythonModel(nb::handle path, const std::string &kernel) : model_(open(path)), kernel_(kernel_of(kernel)) {
        for (const std::string &label : model_.labels) labels_.push_back(string(label));
    }

    nb::list labels() const {
        nb::list list;
        for (const nb::str &label : labels_) list.append(label);
        return list;
    }

    nb::dict metadata() const {
        nb::dict dict;
        for (const auto &[key, value] : model_.metadata) dict[string(key)] = string(value);
        return dict;
    }

    size_t size() const { return model_.size; }
    size_t classes() const { return model_.labels.size(); }

    // The labels; with `reject`, None for a text whose top probability is below the file's threshold.
    nb::list predict(nb::handle texts, int threads, bool reject) const {
        constexpr uint32_t rejected = UINT32_MAX;
        const HeldTexts held(texts);
        std::vector<uint32_t> winners(held.texts().size());
        {
            const nb::gil_scoped_release released;
            for_each_text(held.texts(), threads, [&](Workspace &workspace, size_t first, size_t count) {
                kernel_.score(model_, held.texts().data() + first, count, workspace);
                for (size_t t = 0; t < count; ++t) {
                    winners[first + t] = static_cast<uint32_t>(winner(model_, workspace, t));
                    if (reject && top_probability(model_, workspace, t) < model_.reject) winners[first + t] = rejected;
                }
            });
        }
        PyObject *list = PyList_New(static_cast<Py_ssize_t>(winners.size()));
        if (!list) throw nb::python_error();
        for (size_t i = 0; i < winners.size(); ++i)
            PyList_SET_ITEM(list, static_cast<Py_ssize_t>(i), Py_NewRef(winners[i] == rejected ? Py_None : labels_[winners[i]].ptr()));
        return nb::steal<nb::list>(list);
    }

    // For each text the list of its labels, where it may have several.
    nb::list predict_several(nb::handle texts, int threads) const {
        if (!model_.several()) throw nb::value_error("this model gives each text one label");
        const HeldTexts held(texts);
        const size_t words = (classes() + 63) / 64;
        std::vector<uint64_t> chosen(held.texts().size() * words);
        {
            const nb::gil_scoped_release released;
            for_each_text(held.texts(), threads, [&](Workspace &workspace, size_t first, size_t count) {
                kernel_.score(model_, held.texts().data() + first, count, workspace);
                for (size_t t = 0; t < count; ++t) choose(model_, workspace, t, &chosen[(first + t) * words]);
            });
        }
        nb::list list;
        for (size_t i = 0; i < held.texts().size(); ++i) {
            nb::list own;
            for (size_t word = 0; word < words; ++word)
                for (uint64_t bits = chosen[i * words + word]; bits; bits &= bits - 1)
                    own.append(labels_[word * 64 + static_cast<size_t>(std::countr_zero(bits))]);
            list.append(own);
        }
        return list;
    }

    // A bytearray of float32, (texts, classes).
    nb::object probabilities(nb::handle texts, int threads) const {
        const HeldTexts held(texts);
        const size_t row = classes();
        const nb::object array = nb::steal(
            PyByteArray_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(held.texts().size() * row * sizeof(float))));
        if (!array.is_valid()) throw nb::python_error();
        auto *out = reinterpret_cast<float *>(PyByteArray_AsString(array.ptr()));
        {
            const nb::gil_scoped_release released;
            for_each_text(held.texts(), threads, [&](Workspace &workspace, size_t first, size_t count) {
                kernel_.score(model_, held.texts().data() + first, count, workspace);
                for (size_t t = 0; t < count; ++t) prunetext::probabilities(model_, workspace, t, out + (first + t) * row);
            });
        }
        return array;
    }

    // For the label of that index; for the most probable one where it is -1.
    nb::list explain(nb::handle text, int label) const {
        if (label < -1 || label >= static_cast<int>(classes())) throw nb::value_error("the model has no label of this index");
        nb::list list;
        for (const auto &[ngram, share] : prunetext::explain(model_, text_of(text.ptr()), label)) list.append(nb::make_tuple(string(ngram), share));
        return list;
    }

  private:
    // By its name; the fastest if that is empty.
    static Kernel kernel_of(const std::string &name) {
        for (const Kernel &kernel : kernels())
            if (name.empty() || name == kernel.name) return kernel;
        throw nb::value_error("this processor has no such kernel");
    }

    static Model open(nb::handle path) {
        const std::string name = system_path(path);
        try {
            const nb::gil_scoped_release released;
            return Model(name, inflate);
        } catch (const std::system_error &error) {
            errno = error.code().value();
        }
        PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path.ptr());
        throw nb::python_error();
    }

    Model model_;
    Kernel kernel_;
    std::vector<nb::str> labels_;
};

}  // namespace

void bind_model(nb::module_ &module) {
    module.def(
        "kernels",
        [] {
            nb::list names;
            for (const Kernel &kernel : kernels()) names.append(nb::str(kernel.name));
            return names;
        },
        "The names of the kernels that this processor can run, the fastest first.");
    module.def(
        "checksum", [](const nb::bytes &data) { return string(hex_digest({data.c_str(), data.size()})); }, nb::arg("data"),
        "XXH64 of the bytes, seed 0, as 16 lower-case hexadecimal digits.");
    nb::class_<PythonModel>(module, "Model", "A packed model; ValueError with the reason when the file is unsound.")
        .def(nb::init<nb::handle, const std::string &>(), nb::arg("path"), nb::arg("kernel") = "")
        .def_prop_ro("labels", &PythonModel::labels)
        .def_prop_ro("metadata", &PythonModel::metadata)
        .def_prop_ro("size", &PythonModel::size)
        .def_prop_ro("classes", &PythonModel::classes)
        .def("predict", &PythonModel::predict, nb::arg("texts"), nb::arg("threads"), nb::arg("reject") = false)
        .def("predict_several", &PythonModel::predict_several, nb::arg("texts"), nb::arg("threads"))
        .def("probabilities", &PythonModel::probabilities, nb::arg("texts"), nb::arg("threads"))
        .def("explain", &PythonModel::explain, nb::arg("text"), nb::arg("label") = -1);
}
