// The content codings that bodies are compressed with on their way out, and how hard each may be asked to try.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace cardea::l7::compress {

enum class Coding : uint8_t { kBrotli, kZstd, kGzip };  // the best of equals first
inline constexpr std::array kCodings{Coding::kBrotli, Coding::kZstd, Coding::kGzip};

// As Content-Encoding says it.
constexpr std::string_view name(Coding coding) {
  return coding == Coding::kGzip ? "gzip" : coding == Coding::kBrotli ? "br" : "zstd";
}
std::optional<Coding> coding_of(std::string_view name);

// What lies above these compresses 16 KB in milliseconds and is for what is compressed once and kept.
struct Levels {
  uint8_t min, max, standard;
};
constexpr Levels levels(Coding coding) {
  return coding == Coding::kGzip ? Levels{1, 9, 5} : coding == Coding::kBrotli ? Levels{1, 6, 4} : Levels{1, 9, 3};
}

}  // namespace cardea::l7::compress
