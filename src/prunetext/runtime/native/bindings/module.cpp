// The native extension `prunetext.runtime._native`: each part binds itself.
#include <nanobind/nanobind.h>

namespace nb = nanobind;

void bind_tokenizer(nb::module_ &module);   // tokenizer.cpp
void bind_model(nb::module_ &module);       // model.cpp
void bind_floor(nb::module_ &module);       // floor.cpp
void bind_arithmetic(nb::module_ &module);  // arithmetic.cpp

NB_MODULE(_native, module) {
    module.doc() = "Tokenizer, vocabulary and packed-model kernel.";
    bind_tokenizer(module);
    bind_model(module);
    bind_floor(module);
    bind_arithmetic(module);
}
