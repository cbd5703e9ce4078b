// The numbers of a generated table. A WebAssembly module holds the differences of neighbours, which compress to a
// third, and adds them up when the table is first asked for; elsewhere a table is what it is.
#pragma once
#include <cstddef>
#include <type_traits>

namespace prunetext::detail {

#ifdef __wasm__
template <class Number, size_t Count> struct Differences {
    Number values[Count];

    explicit constexpr Differences(const Number (&table)[Count]) : values() {
        Number before = 0;
        for (size_t i = 0; i < Count; before = table[i++]) values[i] = static_cast<Number>(table[i] - before);
    }
    const Number *add_up() {
        Number sum = 0;
        for (Number &value : values) value = sum = static_cast<Number>(sum + value);
        return values;
    }
};

template <const auto &Table> const auto *added_up() {
    static constinit Differences differences(Table);
    static const auto *const numbers = differences.add_up();
    return numbers;
}
#endif

template <const auto &Table> constexpr const auto *numbers() {
#ifdef __wasm__
    if (!std::is_constant_evaluated()) return added_up<Table>();
#endif
    return &Table[0];
}

}  // namespace prunetext::detail
