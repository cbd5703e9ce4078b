// The kernel for processors with AVX-512.
#define PRUNETEXT_LEVEL 2
#include "kernel/dispatch.hpp"
#ifdef PRUNETEXT_X86
#include "kernel/generic/kernel.hpp"
#endif
