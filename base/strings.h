// Text building over std::string_view. Debian's Abseil is built with its own string_view type, so
// absl::StrCat, StrSplit and StrJoin do not take the standard one; these do.
#pragma once

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace nacre {

// The message of a status as the standard type. Lives as long as the status.
inline std::string_view Message(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

namespace strings_internal {

// One thing that can be put into text: text itself, a whole number in decimal, or a character.
// (bool, enums and pointers are refused: each reads differently to different people.)
class Piece {
 public:
  Piece(std::string_view text) : text_(text) {}
  Piece(const std::string& text) : text_(text) {}
  Piece(const char* text) : text_(text) {}
  Piece(absl::string_view text) : text_(text.data(), text.size()) {}
  Piece(char c) : text_(buffer_, 1) { buffer_[0] = c; }
  template <std::integral T>
  requires(!std::same_as<T, bool> && !std::same_as<T, char>) Piece(T number) {
    auto end = std::to_chars(buffer_, buffer_ + sizeof buffer_, number);
    text_ = {buffer_, static_cast<size_t>(end.ptr - buffer_)};
  }
  Piece(bool) = delete;
  Piece(const Piece&) = delete;  // text_ may point into buffer_
  Piece& operator=(const Piece&) = delete;
  std::string_view text() const { return text_; }

 private:
  char buffer_[24];
  std::string_view text_;
};

void Append(std::string& out, std::initializer_list<std::string_view> pieces);

}  // namespace strings_internal

// StrCat("offset ", 12, ": ", name)
template <typename... Args>
std::string StrCat(const Args&... args) {
  std::string out;
  strings_internal::Append(out, {strings_internal::Piece(args).text()...});
  return out;
}

template <typename... Args>
void StrAppend(std::string* out, const Args&... args) {
  strings_internal::Append(*out, {strings_internal::Piece(args).text()...});
}

// The parts between separators; n separators give n + 1 parts, empty ones included. The parts view
// `text`.
std::vector<std::string_view> StrSplit(std::string_view text, char separator);

// Any range of strings or string views, with `separator` between neighbours.
template <typename Range>
std::string StrJoin(const Range& parts, std::string_view separator) {
  std::string out;
  bool first = true;
  for (const auto& part : parts) {
    if (!first) out.append(separator);
    first = false;
    out.append(std::string_view(part));
  }
  return out;
}

// Without spaces, tabs and line ends at both ends. Views `text`.
std::string_view StripSpace(std::string_view text);

// A decimal whole number of type T and nothing else (no sign for unsigned types, no spaces).
template <std::integral T>
bool ParseNumber(std::string_view text, T* out) {
  T value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  *out = value;
  return true;
}

}  // namespace nacre
