// The one way in which a call ends early: by an exception or, where there are none, as in WebAssembly, by `stop`.
#pragma once
#include <stdexcept>
#include <string>
#include <string_view>

namespace prunetext {

#ifdef __cpp_exceptions
template <class Exception> [[noreturn]] inline void end_call(const Exception &exception) { throw exception; }
#else
// Keeps the reason where the caller finds it, and ends the program. c/interface.cpp has it.
[[noreturn]] void stop(std::string_view reason);
template <class Exception> [[noreturn]] inline void end_call(const Exception &exception) { stop(exception.what()); }
#endif

// What was given is unsound: std::invalid_argument with the reason.
[[noreturn, gnu::cold, gnu::noinline]] inline void refuse(std::string_view reason) {
#ifdef __cpp_exceptions
    end_call(std::invalid_argument(std::string(reason)));
#else
    stop(reason);
#endif
}

}  // namespace prunetext
