// Python's view of a packed model: `_native.Model` and `_native.checksum`.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "explain.hpp"
#include "file.hpp"
#include "kernel.hpp"
#include "parallel.hpp"
#include "python_text.hpp"
#include "ranking.hpp"

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

// The rows of a C-contiguous float32 array of two axes, by the buffer protocol.
class FloatRows {
  public:
    FloatRows(nb::handle array, size_t width) {
        if (PyObject_GetBuffer(array.ptr(), &view_, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) != 0) {
            PyErr_Clear();
            throw nb::type_error("vectors must be a C-contiguous array of float32");
        }
        const std::string format = view_.format ? view_.format : "B";
        std::string rule;
        if (format != "f" && format != "<f" && format != "=f") rule = "vectors must be float32";
        else if (view_.ndim != 2 || static_cast<size_t>(view_.shape[1]) != width) rule = "vectors must have " + std::to_string(width) + " columns";
        if (rule.empty()) return;
        PyBuffer_Release(&view_);
        throw nb::type_error(rule.c_str());
    }
    FloatRows(const FloatRows &) = delete;
    FloatRows &operator=(const FloatRows &) = delete;
    ~FloatRows() { PyBuffer_Release(&view_); }

    const float *data() const { return static_cast<const float *>(view_.buf); }
    size_t count() const { return static_cast<size_t>(view_.shape[0]); }

  private:
    Py_buffer view_;
};

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

    // The label whose probability ranks pairs; None where single texts are labelled.
    nb::object positive() const { return model_.pairs ? nb::object(labels_[model_.positive]) : nb::none(); }

    size_t size() const { return model_.size; }
    size_t classes() const { return model_.labels.size(); }
    size_t features() const { return model_.features; }

    // The labels; with `reject`, None for a text whose top probability is below the file's threshold.
    nb::list predict(nb::handle texts, int threads, bool reject) const {
        constexpr uint32_t rejected = UINT32_MAX;
        const HeldTexts held = hold(texts);
        std::vector<uint32_t> winners(held.texts().size() / per());
        score_all(held, threads, [&](Workspace &workspace, size_t first, size_t count) {
            for (size_t t = 0; t < count; ++t) {
                winners[first + t] = static_cast<uint32_t>(winner(model_, workspace, t));
                if (reject && top_probability(model_, workspace, t) < model_.reject) winners[first + t] = rejected;
            }
        });
        PyObject *list = PyList_New(static_cast<Py_ssize_t>(winners.size()));
        if (!list) throw nb::python_error();
        for (size_t i = 0; i < winners.size(); ++i)
            PyList_SET_ITEM(list, static_cast<Py_ssize_t>(i), Py_NewRef(winners[i] == rejected ? Py_None : labels_[winners[i]].ptr()));
        return nb::steal<nb::list>(list);
    }

    // For each text the list of its labels, where it may have several.
    nb::object predict_several(nb::handle texts, int threads) const {
        if (!model_.several()) throw nb::value_error("this model gives each text one label");
        const HeldTexts held = hold(texts);
        const size_t words = (classes() + 63) / 64;
        std::vector<uint64_t> chosen(held.texts().size() * words);
        score_all(held, threads, [&](Workspace &workspace, size_t first, size_t count) {
            for (size_t t = 0; t < count; ++t) choose(model_, workspace, t, &chosen[(first + t) * words]);
        });
        PyObject *list = PyList_New(static_cast<Py_ssize_t>(held.texts().size()));
        if (!list) throw nb::python_error();
        const nb::object all = nb::steal(list);
        for (size_t i = 0; i < held.texts().size(); ++i) {
            const uint64_t *const own = &chosen[i * words];
            Py_ssize_t count = 0, at = 0;
            for (size_t word = 0; word < words; ++word) count += std::popcount(own[word]);
            PyObject *given = PyList_New(count);
            if (!given) throw nb::python_error();
            PyList_SET_ITEM(list, static_cast<Py_ssize_t>(i), given);
            for (size_t word = 0; word < words; ++word)
                for (uint64_t bits = own[word]; bits; bits &= bits - 1)
                    PyList_SET_ITEM(given, at++, Py_NewRef(labels_[word * 64 + static_cast<size_t>(std::countr_zero(bits))].ptr()));
        }
        return all;
    }

    // A bytearray of float32, (texts, classes).
    nb::object probabilities(nb::handle texts, int threads) const {
        const HeldTexts held = hold(texts);
        const nb::object array = floats(held.texts().size() / per() * classes());
        auto *out = reinterpret_cast<float *>(PyByteArray_AsString(array.ptr()));
        score_all(held, threads, [&](Workspace &workspace, size_t first, size_t count) {
            for (size_t t = 0; t < count; ++t) prunetext::probabilities(model_, workspace, t, out + (first + t) * classes());
        });
        return array;
    }

    // The features of single texts: a bytearray of float32, (texts, features).
    nb::object encode(nb::handle texts, int threads) const {
        const HeldTexts held(texts);
        const nb::object array = floats(held.texts().size() * features());
        auto *out = reinterpret_cast<float *>(PyByteArray_AsString(array.ptr()));
        const nb::gil_scoped_release released;
        for_each_text(held.texts(), threads, [&](Workspace &workspace, size_t first, size_t count) {
            kernel_.encode(model_, held.texts().data() + first, count, workspace);
            std::copy_n(workspace.features.data(), count * features(), out + first * features());
        });
        return array;
    }

    // Row and probability of the stored texts that go best with the query: of `vectors`, as `encode` gives them, the `most` nearest
    // ones are judged, with the `texts` they come from if those are given, and the best of them are left.
    nb::list match(nb::handle query, nb::handle vectors, size_t top, size_t most, nb::handle texts, bool second) const {
        const Text asked = text_of(query.ptr());
        const FloatRows stored(vectors, features());
        const bool with_texts = !texts.is_none();
        if (with_texts && !PyList_Check(texts.ptr()) && !PyTuple_Check(texts.ptr())) throw nb::type_error("texts must be a list of str");
        const nb::object kept = with_texts ? nb::steal(PySequence_Tuple(texts.ptr())) : nb::object();
        if (with_texts && !kept.is_valid()) throw nb::python_error();
        if (with_texts && static_cast<size_t>(PyTuple_GET_SIZE(kept.ptr())) != stored.count())
            throw nb::value_error("texts and vectors must be as many of the one as of the other");

        std::vector<float> own(features());
        std::vector<size_t> rows;
        Workspace workspace;
        {
            const nb::gil_scoped_release released;
            kernel_.encode(model_, &asked, 1, workspace);
            std::copy_n(workspace.features.data(), own.size(), own.data());
            for (const float value : own)
                if (!std::isfinite(value)) throw std::invalid_argument("the query has a feature that float32 does not hold");
            rows = nearest(own.data(), stored.data(), stored.count(), own.size(), most);
        }
        std::vector<Text> pairs;
        for (size_t i = 0; with_texts && i < rows.size(); ++i) {
            const auto row = static_cast<Py_ssize_t>(rows[i]);
            const Text other = text_of(PyTuple_GET_ITEM(kept.ptr(), row), row);
            pairs.push_back(second ? other : asked);
            pairs.push_back(second ? asked : other);
        }
        std::vector<std::pair<float, size_t>> answers;  // probability and row
        {
            const nb::gil_scoped_release released;
            std::vector<float> row(classes());
            for (size_t first = 0; first < rows.size(); first += batch) {
                const size_t count = std::min(batch, rows.size() - first);
                if (with_texts) kernel_.score(model_, pairs.data() + 2 * first, count, workspace);
                else judge(own, stored, rows.data() + first, count, second, workspace);
                for (size_t t = 0; t < count; ++t) {
                    prunetext::probabilities(model_, workspace, t, row.data());
                    answers.emplace_back(row[model_.positive], rows[first + t]);
                }
            }
        }
        std::sort(answers.begin(), answers.end(),
                  [](const auto &one, const auto &other) { return one.first != other.first ? one.first > other.first : one.second < other.second; });
        nb::list list;
        for (size_t i = 0; i < std::min(top, answers.size()); ++i) list.append(nb::make_tuple(answers[i].second, answers[i].first));
        return list;
    }

    // For the label of that index; for the most probable one where it is -1.
    nb::list explain(nb::handle text, int label) const {
        if (label < -1 || label >= static_cast<int>(classes())) throw nb::value_error("the model has no label of this index");
        nb::list list;
        if (model_.pairs) {
            nb::list one;
            one.append(text);
            add_shares(HeldTexts::of_pairs(one).texts().data(), label, list);
        } else {
            const Text own = text_of(text.ptr());
            add_shares(&own, label, list);
        }
        return list;
    }

  private:
    // Texts of one item of what is labelled.
    size_t per() const { return model_.pairs ? 2 : 1; }
    HeldTexts hold(nb::handle items) const { return model_.pairs ? HeldTexts::of_pairs(items) : HeldTexts(items); }

    // Score all items, and call each(workspace, first, count) for some of them after the other.
    template <class Each> void score_all(const HeldTexts &held, int threads, Each each) const {
        const nb::gil_scoped_release released;
        for_each_text(
            held.texts(), threads,
            [&](Workspace &workspace, size_t first, size_t count) {
                kernel_.score(model_, held.texts().data() + first * per(), count, workspace);
                each(workspace, first, count);
            },
            per());
    }

    static nb::object floats(size_t count) {
        const nb::object array = nb::steal(PyByteArray_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(count * sizeof(float))));
        if (!array.is_valid()) throw nb::python_error();
        return array;
    }

    // Logits of a query and some stored vectors, where nobody knows which words they share.
    void judge(const std::vector<float> &own, const FloatRows &stored, const size_t *rows, size_t count, bool second, Workspace &workspace) const {
        workspace.features.resize(batch * model_.inputs);
        for (size_t t = 0; t < count; ++t) {
            double *const inputs = workspace.features.data() + t * model_.inputs;
            const float *const other = stored.data() + rows[t] * own.size();
            std::copy_n(second ? other : own.data(), own.size(), inputs);
            std::copy_n(second ? own.data() : other, own.size(), inputs + own.size());
            compare(model_, inputs);
        }
        kernel_.decide(model_, count, workspace);
    }

    void add_shares(const Text *texts, int label, nb::list &list) const {
        for (const auto &[ngram, share] : prunetext::explain(model_, texts, label)) list.append(nb::make_tuple(string(ngram), share));
    }

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
        .def_prop_ro("positive", &PythonModel::positive)
        .def_prop_ro("size", &PythonModel::size)
        .def_prop_ro("classes", &PythonModel::classes)
        .def_prop_ro("features", &PythonModel::features)
        .def("predict", &PythonModel::predict, nb::arg("texts"), nb::arg("threads"), nb::arg("reject") = false)
        .def("predict_several", &PythonModel::predict_several, nb::arg("texts"), nb::arg("threads"))
        .def("probabilities", &PythonModel::probabilities, nb::arg("texts"), nb::arg("threads"))
        .def("encode", &PythonModel::encode, nb::arg("texts"), nb::arg("threads"))
        .def("match", &PythonModel::match, nb::arg("query"), nb::arg("vectors"), nb::arg("top"), nb::arg("most"), nb::arg("texts").none(),
             nb::arg("second"))
        .def("explain", &PythonModel::explain, nb::arg("text"), nb::arg("label") = -1);
}
