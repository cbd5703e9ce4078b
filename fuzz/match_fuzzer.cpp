// Finding stored texts, and the words that two texts share, given anything: the nearest rows, the flags of tokens and
// the judged texts are those that the plain definitions give, whatever the kernel.
#include <set>

#include "harness.hpp"
#include "nearest.hpp"
#include "overlap.hpp"

namespace {

using namespace fuzz;

std::vector<Model> models;

// Bytes that are used up from the front.
struct Input {
    const uint8_t *data;
    size_t size;

    size_t below(size_t count) {
        if (size == 0) return 0;
        --size;
        return *data++ % count;
    }
    std::vector<uint8_t> take(size_t count) {
        count = std::min(count, size);
        const std::vector<uint8_t> some(data, data + count);
        data += count;
        size -= count;
        return some;
    }
};

// A token is beside its like where the token before it, or the one after it, is the same in both texts.
std::vector<uint8_t> plain_flags(const std::vector<uint64_t> &own, const std::vector<uint64_t> &other) {
    std::vector<uint8_t> flags(own.size(), 0);
    for (size_t i = 0; i < own.size(); ++i)
        for (size_t j = 0; j < other.size(); ++j) {
            if (own[i] != other[j]) continue;
            const bool after = i + 1 < own.size() && j + 1 < other.size() && own[i + 1] == other[j + 1];
            const bool before = i > 0 && j > 0 && own[i - 1] == other[j - 1];
            flags[i] |= static_cast<uint8_t>(matched | (after || before ? beside : 0));
        }
    return flags;
}

// Few different keys, so that many are shared; short texts and long ones are flagged in different ways.
void check_overlap(Input input) {
    static Overlap overlap;  // used again, as a workspace does
    const size_t kinds = 1 + input.below(40), count = input.below(150);
    std::vector<uint64_t> one, other;
    for (const uint8_t byte : input.take(count)) one.push_back(1 + byte % kinds);
    for (const uint8_t byte : input.take(150)) other.push_back(1 + byte % kinds);
    std::vector<uint8_t> of_one(one.size()), of_other(other.size());
    overlap.flag({one.data(), one.size(), of_one.data()}, {other.data(), other.size(), of_other.data()});
    if (of_one != plain_flags(one, other) || of_other != plain_flags(other, one)) fail("flags of shared words differ");
}

double plain_cosine(const float *one, const float *other, size_t width) {
    double dot = 0, squares[2] = {};
    for (size_t i = 0; i < width; ++i) {
        dot += double{one[i]} * other[i];
        squares[0] += double{one[i]} * one[i];
        squares[1] += double{other[i]} * other[i];
    }
    const double lengths = std::sqrt(squares[0]) * std::sqrt(squares[1]);
    return lengths > 0 ? dot / lengths : 0;
}

// Vectors of any bits: the rows found are those of the largest cosines, as far as float32 can tell.
void check_nearest(Input input) {
    const size_t width = 1 + input.below(40), most = 1 + input.below(12);
    const std::vector<uint8_t> bytes = input.take(SIZE_MAX);
    std::vector<float> numbers(bytes.size() / 4);
    if (!numbers.empty()) std::memcpy(numbers.data(), bytes.data(), 4 * numbers.size());
    if (numbers.size() < width) return;
    for (size_t i = 0; i < width; ++i)
        if (!std::isfinite(numbers[i])) numbers[i] = 1;  // `match` refuses such a query
    const std::vector<float> stored(numbers.begin() + static_cast<std::ptrdiff_t>(width), numbers.end());
    const size_t count = stored.size() / width;
    bool finite = true;
    for (size_t i = 0; i < count * width; ++i) finite = finite && std::isfinite(stored[i]);
    std::vector<size_t> rows;
    try {
        rows = nearest(numbers.data(), stored.data(), count, width, most);
    } catch (const std::invalid_argument &) {
        if (finite) fail("sound vectors are refused");
        return;
    }
    if (!finite) fail("a number that is not finite is taken");
    if (rows.size() != std::min(most, count)) fail("too few rows are found, or too many");
    std::vector<double> cosines(count);
    for (size_t i = 0; i < count; ++i) cosines[i] = plain_cosine(numbers.data(), stored.data() + i * width, width);
    std::set<size_t> found;
    double least = INFINITY;
    for (const size_t row : rows) {
        if (row >= count || !found.insert(row).second) fail("a row is found twice, or does not exist");
        if (!(cosines[row] <= least + 1e-5)) fail("the rows found are not sorted");
        least = std::min(least, cosines[row]);
    }
    for (size_t i = 0; i < count; ++i)
        if (!found.count(i) && cosines[i] > least + 1e-5) fail("a nearer row is left out");
}

// The first byte of a text says how long it is.
void check_match(Input input) {
    const Model &model = models[input.below(models.size())];
    const bool second = input.below(2), with_texts = input.below(2);
    const size_t most = 1 + input.below(20), top = 1 + input.below(20);
    std::vector<std::vector<uint8_t>> contents;
    while (input.size) contents.push_back(input.take(input.below(256)));
    if (contents.empty()) return;
    std::vector<Text> texts;
    for (const auto &content : contents) texts.push_back({content.data(), content.size(), 0, false});
    const Query query{texts.back(), second};
    texts.pop_back();

    Workspace workspace;
    std::vector<float> vectors;
    for (const Text &text : texts) {
        kernels().front().encode(model, &text, 1, workspace);
        const auto features = workspace.features.begin();
        vectors.insert(vectors.end(), features, features + static_cast<std::ptrdiff_t>(model.features));
    }
    const TextOfRow text_of = with_texts ? TextOfRow([&](size_t row) { return texts[row]; }) : TextOfRow();
    std::vector<Match> expected;
    for (const Kernel &kernel : kernels()) {
        const std::vector<Match> found =
            match(model, kernel, query, {vectors.data(), texts.size()}, most, top, text_of);
        if (found.size() != std::min({texts.size(), most, top})) fail("too few texts are found, or too many");
        for (size_t i = 0; i < found.size(); ++i) {
            const auto &[row, probability] = found[i];
            if (row >= texts.size() || !(probability >= 0 && probability <= 1)) fail("a match is none");
            const bool sorted = i == 0 || probability < found[i - 1].probability ||
                                (probability == found[i - 1].probability && row > found[i - 1].row);
            if (!sorted) fail("matches are not sorted");
            if (&kernel != &kernels().front() && (row != expected[i].row || probability != expected[i].probability))
                fail("a kernel finds other texts");
            if (!with_texts) continue;
            const Text pair[2] = {second ? texts[row] : query.text, second ? query.text : texts[row]};
            kernel.score(model, pair, 1, workspace);
            std::vector<float> shares(model.labels.size());
            probabilities(model, workspace, 0, shares.data());
            if (shares[model.positive] != probability) fail("a match has not the pair's probability");
        }
        expected = found;
    }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int *, char ***) {
    for (Model &model : load_models())
        if (model.pairs) models.push_back(std::move(model));
    if (models.empty()) fail("there is no model of pairs in the folder PRUNETEXT_FUZZ_MODELS");
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Input input{data, size};
    switch (input.below(3)) {
        case 0: check_overlap(input); break;
        case 1: check_nearest(input); break;
        default: check_match(input);
    }
    return 0;
}
