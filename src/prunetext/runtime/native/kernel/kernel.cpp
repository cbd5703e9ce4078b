// The list of kernels; plain.cpp, avx2.cpp and avx512.cpp hold one each.
#include "kernel/kernel.hpp"

#include "kernel/dispatch.hpp"
#include "refuse.hpp"

namespace prunetext {

namespace plain {
extern const Kernel kernel;
}
namespace avx2 {
extern const Kernel kernel;
}
namespace avx512 {
extern const Kernel kernel;
}

const std::vector<Kernel> &kernels() {
    static const std::vector<Kernel> found = [] {
        std::vector<Kernel> list;
#ifdef PRUNETEXT_X86
        if (highest_level() >= 2) list.push_back(avx512::kernel);
        if (highest_level() >= 1) list.push_back(avx2::kernel);
#endif
        list.push_back(plain::kernel);
        return list;
    }();
    return found;
}

const Kernel &kernel_of(const std::string &name) {
    for (const Kernel &kernel : kernels())
        if (name.empty() || name == kernel.name) return kernel;
    refuse("this processor has no such kernel");
}

}  // namespace prunetext
