// Python's view of a packed model: `_native.Model` and `_native.checksum`. All computation is outside this folder.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "bindings/asking.hpp"
#include "bindings/float_rows.hpp"
#include "bindings/inflate.hpp"
#include "bindings/lists.hpp"
#include "bindings/python_text.hpp"
#include "explain.hpp"
#include "file/file.hpp"
#include "kernel/answers.hpp"
#include "kernel/kernel.hpp"
#include "kernel/parallel.hpp"
#include "nearest.hpp"

namespace nb = nanobind;

namespace {

using namespace prunetext;

nb::str string(const std::string &text) { return nb::str(text.data(), text.size()); }

// The model whose file has these bytes or, of a str or os.PathLike, stands at this path.
Model open(nb::handle source) {
    if (PyBytes_Check(source.ptr())) {
        const std::string_view bytes(PyBytes_AS_STRING(source.ptr()),
                                     static_cast<size_t>(PyBytes_GET_SIZE(source.ptr())));
        const nb::gil_scoped_release released;
        return Model(read_memory(bytes), inflate_by_python);
    }
    PyObject *encoded = nullptr;  // the path as the system's bytes
    if (!PyUnicode_FSConverter(source.ptr(), &encoded)) throw nb::python_error();
    const auto path = nb::steal<nb::bytes>(encoded);
    try {
        const nb::gil_scoped_release released;
        return Model(read_file({path.c_str(), path.size()}), inflate_by_python);
    } catch (const std::system_error &error) {
        errno = error.code().value();
    }
    PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, source.ptr());
    throw nb::python_error();
}

class PythonModel {
  public:
    PythonModel(nb::handle source, const std::string &kernel) : model_(open(source)), kernel_(kernel_of(kernel)) {
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

    // The label whose probability ranks pairs; None for a model of single texts.
    nb::object positive() const { return model_.pairs ? nb::object(labels_[model_.positive]) : nb::none(); }

    size_t size() const { return model_.size; }
    size_t classes() const { return model_.labels.size(); }
    size_t features() const { return model_.features; }

    // A label for each text, or a list of labels if it can have several; with `reject`, None for a text whose
    // probability is below the file's threshold.
    nb::object predict(nb::handle texts, int threads, bool reject) const {
        if (model_.several()) return several(texts, threads, false);
        const HeldTexts held = hold(texts);
        std::vector<uint32_t> winners(held.texts().size() / per());
        score_all(held, threads, [&](Workspace &workspace, size_t first, size_t count) {
            for (size_t t = 0; t < count; ++t)
                winners[first + t] = reject ? best(model_, workspace, t, true).label : winner(model_, workspace, t);
        });
        return make_list(winners.size(), [&](size_t i) { return Py_NewRef(label(winners[i]).ptr()); });
    }

    // The same with probabilities, from one pass: (label, probability) for each text, or a list of such pairs.
    nb::object predict_with_probability(nb::handle texts, int threads, bool reject) const {
        if (model_.several()) return several(texts, threads, true);
        const HeldTexts held = hold(texts);
        std::vector<Answer> answers(held.texts().size() / per());
        score_all(held, threads, [&](Workspace &workspace, size_t first, size_t count) {
            for (size_t t = 0; t < count; ++t) answers[first + t] = best(model_, workspace, t, reject);
        });
        return make_list(answers.size(),
                         [&](size_t i) { return make_pair(label(answers[i].label), answers[i].probability); });
    }

    // A bytearray of float32, (texts, classes).
    nb::object probabilities(nb::handle texts, int threads) const {
        const HeldTexts held = hold(texts);
        const nb::object array = make_floats(held.texts().size() / per() * classes());
        auto *out = reinterpret_cast<float *>(PyByteArray_AsString(array.ptr()));
        score_all(held, threads, [&](Workspace &workspace, size_t first, size_t count) {
            for (size_t t = 0; t < count; ++t)
                prunetext::probabilities(model_, workspace, t, out + (first + t) * classes());
        });
        return array;
    }

    // The result of `probabilities`, and a bytearray of (texts, classes): 1 for each label that the text gets.
    nb::object answers(nb::handle texts, int threads) const {
        const HeldTexts held = hold(texts);
        const size_t count = held.texts().size() / per(), words = (classes() + 63) / 64;
        const nb::object shares = make_floats(count * classes()), chosen = make_bytes(count * classes());
        auto *share = reinterpret_cast<float *>(PyByteArray_AsString(shares.ptr()));
        char *const given = PyByteArray_AsString(chosen.ptr());
        score_all(held, threads, [&](Workspace &workspace, size_t first, size_t some) {
            for (size_t i = first; i < first + some; ++i) {
                std::vector<uint64_t> bits(words);
                given_labels(model_, workspace, i - first, bits.data());
                for (size_t c = 0; c < classes(); ++c)
                    given[i * classes() + c] = static_cast<char>(bits[c / 64] >> c % 64 & 1);
                prunetext::probabilities(model_, workspace, i - first, share + i * classes());
            }
        });
        return nb::make_tuple(shares, chosen);
    }

    // For a model of scores, that of each text: a bytearray of float64, (texts,).
    nb::object scores(nb::handle texts, int threads) const {
        if (model_.levels.empty()) throw nb::value_error("this model gives labels, not scores");
        const HeldTexts held = hold(texts);
        const nb::object array = make_bytes(held.texts().size() / per() * sizeof(double));
        auto *out = reinterpret_cast<double *>(PyByteArray_AsString(array.ptr()));
        score_all(held, threads, [&](Workspace &workspace, size_t first, size_t count) {
            for (size_t t = 0; t < count; ++t) out[first + t] = scored(model_, workspace, t);
        });
        return array;
    }

    // The features of single texts: a bytearray of float32, (texts, features).
    nb::object encode(nb::handle texts, int threads) const {
        const HeldTexts held(texts);
        const nb::object array = make_floats(held.texts().size() * features());
        auto *out = reinterpret_cast<float *>(PyByteArray_AsString(array.ptr()));
        const nb::gil_scoped_release released;
        for_each_text(held.texts(), threads, ask_python, [&](Workspace &workspace, size_t first, size_t count) {
            kernel_.encode(model_, held.texts().data() + first, count, workspace);
            std::copy_n(workspace.features.data(), count * features(), out + first * features());
        });
        return array;
    }

    // Row and probability of the `top` stored texts that match the query best, among the `most` whose `vectors` are
    // nearest; see `match` in nearest.hpp.
    nb::object match(nb::handle query, nb::handle vectors, size_t top, size_t most, nb::handle texts,
                     bool second) const {
        if (!model_.pairs) throw nb::value_error("this model judges no pairs of texts");
        const Query asked{text_of(query.ptr()), second};
        const FloatRows rows(vectors, features());
        nb::object kept;  // the texts, which the caller's list may let go of
        TextOfRow text_of_row;
        if (!texts.is_none()) {
            if (!PyList_Check(texts.ptr()) && !PyTuple_Check(texts.ptr()))
                throw nb::type_error("texts must be a list of str");
            kept = nb::steal(PySequence_Tuple(texts.ptr()));
            if (!kept.is_valid()) throw nb::python_error();
            if (static_cast<size_t>(PyTuple_GET_SIZE(kept.ptr())) != rows.count())
                throw nb::value_error("texts and vectors must be as many of the one as of the other");
            text_of_row = [&](size_t row) {
                const nb::gil_scoped_acquire gil;
                const auto item = static_cast<Py_ssize_t>(row);
                return text_of(PyTuple_GET_ITEM(kept.ptr(), item), item);
            };
        }
        std::vector<Match> found;
        {
            const nb::gil_scoped_release released;
            found = prunetext::match(model_, kernel_, asked, {rows.data(), rows.count()}, most, top, text_of_row);
        }
        return make_list(found.size(),
                         [&](size_t i) { return make_pair(nb::int_(found[i].row), found[i].probability); });
    }

    // Why a text has the label of that index, or the most probable one where it is -1: the label's index, its
    // probability and logit, the base, a list of (n-gram, share), and the parts as bytes: text, begin, end (size_t) and
    // logit (double) each.
    nb::tuple explain(nb::handle text, int label) const {
        if (label < -1 || label >= static_cast<int>(classes()))
            throw nb::value_error("the model has no label of this index");
        std::vector<Text> texts;
        std::optional<HeldTexts> held;  // a pair, while the GIL is released; the caller holds a text
        if (model_.pairs) {
            nb::list one;
            one.append(text);
            texts = held.emplace(hold(one)).texts();
        } else {
            texts.push_back(text_of(text.ptr()));
        }
        Explanation found;
        {
            const nb::gil_scoped_release released;
            std::atomic<bool> ended{false};
            Watch watch(ended, ask_python);
            found = prunetext::explain(model_, texts.data(), label, &watch);
        }
        static_assert(sizeof(Part) == 32 && sizeof(size_t) == 8);
        const Shares &shares = found.shares;
        return nb::make_tuple(found.label, found.probability, found.logit, found.base,
                              make_list(shares.all.size(),
                                        [&](size_t i) {
                                            const auto &[begin, end, share] = shares.all[i];
                                            return make_entry({shares.written.data() + begin, end - begin}, share);
                                        }),
                              nb::bytes(found.parts.data(), found.parts.size() * sizeof(Part)));
    }

    // For each filter of the model: its width, the weights of its inputs of the head for each label, as a bytearray of
    // float64, (labels, inputs), and a list of the n-grams that fire it most with its value.
    nb::list firings(nb::handle texts, size_t top) const {
        const HeldTexts held = hold(texts);
        std::vector<std::vector<Firing>> found;
        {
            const nb::gil_scoped_release released;
            std::atomic<bool> ended{false};
            Watch watch(ended, ask_python);
            found = prunetext::firings(model_, held.texts(), top, watch);
        }
        const size_t inputs = model_.inputs / model_.filters;
        nb::list filters;
        for (const Width &width : model_.widths)
            for (size_t f = width.feature; f < width.feature + width.filters; ++f) {
                const nb::object weights = make_bytes(classes() * inputs * sizeof(double));
                auto *out = reinterpret_cast<double *>(PyByteArray_AsString(weights.ptr()));
                for (size_t c = 0; c < classes(); ++c)
                    for (size_t i = 0; i < inputs; ++i)
                        *out++ = model_.head[(c / 4 * model_.inputs + i * model_.filters + f) * 4 + c % 4];
                filters.append(nb::make_tuple(width.taps, weights, make_list(found[f].size(), [&](size_t i) {
                                                  return make_entry(found[f][i].first, found[f][i].second);
                                              })));
            }
        return filters;
    }

    // Whether the vocabulary has a word.
    bool knows(const std::string &word) const { return model_.vocabulary.find(word.data(), word.size()) >= 0; }

    // The logits, before the temperature: a bytearray of float64, (texts, classes).
    nb::object logits(nb::handle texts, int threads) const {
        const HeldTexts held = hold(texts);
        const nb::object array = make_bytes(held.texts().size() / per() * classes() * sizeof(double));
        auto *out = reinterpret_cast<double *>(PyByteArray_AsString(array.ptr()));
        score_all(held, threads, [&](Workspace &workspace, size_t first, size_t count) {
            for (size_t t = 0; t < count; ++t)
                std::copy_n(workspace.logits.data() + t * model_.bias.size(), classes(), out + (first + t) * classes());
        });
        return array;
    }

  private:
    // Texts of one item of what is labelled.
    size_t per() const { return model_.pairs ? 2 : 1; }
    HeldTexts hold(nb::handle items) const { return model_.pairs ? HeldTexts::of_pairs(items) : HeldTexts(items); }
    nb::object label(uint32_t number) const { return number == no_label ? nb::none() : nb::object(labels_[number]); }

    // Score all items, and call each(workspace, first, count) for some of them after the other.
    template <class Each> void score_all(const HeldTexts &held, int threads, Each each) const {
        const nb::gil_scoped_release released;
        for_each_text(
            held.texts(), threads, ask_python,
            [&](Workspace &workspace, size_t first, size_t count) {
                kernel_.score(model_, held.texts().data() + first * per(), count, workspace);
                each(workspace, first, count);
            },
            per());
    }

    // For each text that can have several labels, the list of its labels, or of (label, probability).
    nb::object several(nb::handle texts, int threads, bool with_probability) const {
        const HeldTexts held = hold(texts);
        const size_t count = held.texts().size() / per(), words = (classes() + 63) / 64;
        std::vector<uint64_t> chosen(count * words);  // a bit for each label
        std::vector<std::vector<float>> shares(with_probability ? count : 0);
        score_all(held, threads, [&](Workspace &workspace, size_t first, size_t some) {
            for (size_t i = first; i < first + some; ++i)
                choose(model_, workspace, i - first, &chosen[i * words], with_probability ? &shares[i] : nullptr);
        });
        return make_list(count, [&](size_t i) {
            std::vector<uint32_t> own;
            for (size_t word = 0; word < words; ++word)
                for (uint64_t bits = chosen[i * words + word]; bits; bits &= bits - 1)
                    own.push_back(static_cast<uint32_t>(word * 64) + static_cast<uint32_t>(std::countr_zero(bits)));
            return make_list(own.size(),
                             [&](size_t n) {
                                 const nb::str &label = labels_[own[n]];
                                 return with_probability ? make_pair(label, shares[i][n]) : Py_NewRef(label.ptr());
                             })
                .release()
                .ptr();
        });
    }

    Model model_;
    const Kernel &kernel_;
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
        "checksum", [](const nb::bytes &data) { return string(hex_digest({data.c_str(), data.size()})); },
        nb::arg("data"), "XXH64 of the bytes, seed 0, as 16 lower-case hexadecimal digits.");
    nb::class_<PythonModel>(module, "Model", "A packed model; ValueError with the reason when the file is unsound.")
        .def(nb::init<nb::handle, const std::string &>(), nb::arg("source"), nb::arg("kernel") = "")
        .def_prop_ro("labels", &PythonModel::labels)
        .def_prop_ro("metadata", &PythonModel::metadata)
        .def_prop_ro("positive", &PythonModel::positive)
        .def_prop_ro("size", &PythonModel::size)
        .def_prop_ro("classes", &PythonModel::classes)
        .def_prop_ro("features", &PythonModel::features)
        .def("predict", &PythonModel::predict, nb::arg("texts"), nb::arg("threads"), nb::arg("reject") = false)
        .def("predict_with_probability", &PythonModel::predict_with_probability, nb::arg("texts"), nb::arg("threads"),
             nb::arg("reject") = false)
        .def("probabilities", &PythonModel::probabilities, nb::arg("texts"), nb::arg("threads"))
        .def("answers", &PythonModel::answers, nb::arg("texts"), nb::arg("threads"))
        .def("scores", &PythonModel::scores, nb::arg("texts"), nb::arg("threads"))
        .def("encode", &PythonModel::encode, nb::arg("texts"), nb::arg("threads"))
        .def("match", &PythonModel::match, nb::arg("query"), nb::arg("vectors"), nb::arg("top"), nb::arg("most"),
             nb::arg("texts").none(), nb::arg("second"))
        .def("logits", &PythonModel::logits, nb::arg("texts"), nb::arg("threads"))
        .def("explain", &PythonModel::explain, nb::arg("text"), nb::arg("label") = -1)
        .def("firings", &PythonModel::firings, nb::arg("texts"), nb::arg("top"))
        .def("knows", &PythonModel::knows, nb::arg("word"));
}
