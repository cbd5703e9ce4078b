// The kernel for any processor.
#define PRUNETEXT_LEVEL 0
#include "kernel/generic/kernel.hpp"
