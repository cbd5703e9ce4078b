// The kernel for processors with AVX2.
#define PRUNETEXT_LEVEL 1
#include "kernel/dispatch.hpp"
#ifdef PRUNETEXT_X86
#include "kernel/generic/kernel.hpp"
#endif
