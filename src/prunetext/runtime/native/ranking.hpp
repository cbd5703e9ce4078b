// Which of many stored vectors point most nearly where a given one does.
#pragma once
#include <cstddef>
#include <vector>

namespace prunetext {

// The rows of `vectors`, (count, width), whose cosine with `query` is largest, at most `most` of them, the best first and of equals
// the first; the cosine with nothing but zeros is 0. Throws std::invalid_argument for a number that is not finite.
std::vector<size_t> nearest(const float *query, const float *vectors, size_t count, size_t width, size_t most);

}  // namespace prunetext
