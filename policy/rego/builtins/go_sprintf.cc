// Reading a format: literal text, and directives of the form
// %[flags][width][.precision][index]verb.
#include "policy/rego/builtins/go_sprintf.h"

#include "base/strings.h"
#include "base/utf8.h"
#include "policy/rego/builtins/go_sprintf_internal.h"
#include "policy/rego/builtins/utf8.h"

namespace nacre::rego {
namespace {

constexpr int64_t kMaxWidth = 1'000'000;  // of width and precision, as in Go

class Printer {
 public:
  Printer(std::string_view format, std::span<const FormatArgument> arguments, size_t max_size)
      : rest_(format), arguments_(arguments), max_size_(max_size) {}

  absl::StatusOr<std::string> Print() {
    while (!rest_.empty()) {
      size_t literal = std::min(rest_.find('%'), rest_.size());
      out_.append(rest_.substr(0, literal));
      rest_.remove_prefix(literal);
      if (rest_.empty()) break;
      rest_.remove_prefix(1);
      Directive();
      if (out_.size() > max_size_) return TooLarge();
    }
    if (!reordered_ && next_ < arguments_.size()) AppendExtra();
    if (out_.size() > max_size_) return TooLarge();
    return std::move(out_);
  }

 private:
  absl::Status TooLarge() const {
    return absl::ResourceExhaustedError(
        StrCat("sprintf: result is larger than ", max_size_, " bytes"));
  }

  bool Take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void Directive() {
    flags_ = {};
    good_index_ = true;
    after_index_ = false;
    ReadFlags();
    ReadIndex();
    ReadWidth();
    if (Take('.')) ReadPrecision();
    if (!after_index_) ReadIndex();
    if (rest_.empty()) {
      out_ += "%!(NOVERB)";
      return;
    }
    Rune verb = DecodeRune(rest_);
    rest_.remove_prefix(verb.size);
    Verb(verb.value);
  }

  void ReadFlags() {
    for (; !rest_.empty(); rest_.remove_prefix(1)) {
      switch (rest_[0]) {
        case '#':
          flags_.sharp = true;
          break;
        case '0':
          flags_.zero = true;
          break;
        case '+':
          flags_.plus = true;
          break;
        case '-':
          flags_.minus = true;
          break;
        case ' ':
          flags_.space = true;
          break;
        default:
          return;
      }
    }
  }

  // "[2]": the next argument to use, counted from one.
  void ReadIndex() {
    if (rest_.empty() || rest_[0] != '[') return;
    reordered_ = true;
    size_t close = rest_.find(']');
    if (close == rest_.npos) {
      rest_.remove_prefix(1);
      good_index_ = false;
      return;
    }
    std::string_view digits = rest_.substr(1, close - 1);
    rest_.remove_prefix(close + 1);
    int64_t index = 0;
    bool number = !digits.empty() && digits[0] != '-' && ParseNumber(digits, &index);
    if (number && index >= 1 && index <= static_cast<int64_t>(arguments_.size())) {
      next_ = static_cast<size_t>(index - 1);
      after_index_ = true;
    } else {
      good_index_ = false;
      if (number) after_index_ = true;
    }
  }

  // A number in the format; past the limit the rest of the format is dropped, as in Go.
  bool ReadNumber(int* out) {
    size_t size = 0;
    int64_t number = 0;
    for (; size < rest_.size() && rest_[size] >= '0' && rest_[size] <= '9'; ++size) {
      if (number > kMaxWidth) {
        rest_ = {};
        return false;
      }
      number = number * 10 + (rest_[size] - '0');
    }
    rest_.remove_prefix(size);
    *out = static_cast<int>(number);
    return size > 0;
  }

  // The argument for a "*".
  bool TakeNumberArgument(int* out) {
    if (next_ >= arguments_.size()) return false;
    const int64_t* number = std::get_if<int64_t>(&arguments_[next_]);
    ++next_;
    if (number == nullptr || *number > kMaxWidth || *number < -kMaxWidth) return false;
    *out = static_cast<int>(*number);
    return true;
  }

  void ReadWidth() {
    if (Take('*')) {
      flags_.has_width = TakeNumberArgument(&flags_.width);
      if (!flags_.has_width) out_ += "%!(BADWIDTH)";
      if (flags_.width < 0) {
        flags_.width = -flags_.width;
        flags_.minus = true;
        flags_.zero = false;
      }
      after_index_ = false;
      return;
    }
    flags_.has_width = ReadNumber(&flags_.width);
    if (after_index_ && flags_.has_width) good_index_ = false;  // "%[3]2d"
  }

  void ReadPrecision() {
    if (after_index_) good_index_ = false;  // "%[3].2d"
    ReadIndex();
    if (Take('*')) {
      flags_.has_precision = TakeNumberArgument(&flags_.precision);
      if (flags_.precision < 0) {
        flags_.precision = 0;
        flags_.has_precision = false;
      }
      if (!flags_.has_precision) out_ += "%!(BADPREC)";
      after_index_ = false;
      return;
    }
    if (!ReadNumber(&flags_.precision)) flags_.precision = 0;
    flags_.has_precision = true;
  }

  void Verb(char32_t verb) {
    if (verb == '%') return out_.push_back('%');
    if (!good_index_ || next_ >= arguments_.size()) {
      out_ += "%!";
      AppendUtf8(&out_, verb);
      out_ += good_index_ ? "(MISSING)" : "(BADINDEX)";
      return;
    }
    if (verb == 'v') {
      flags_.sharp_v = std::exchange(flags_.sharp, false);
      flags_.plus_v = std::exchange(flags_.plus, false);
    }
    AppendArgument(&out_, flags_, verb, arguments_[next_++]);
  }

  void AppendExtra() {
    out_ += "%!(EXTRA ";
    for (size_t i = next_; i < arguments_.size() && out_.size() <= max_size_; ++i) {
      if (i > next_) out_ += ", ";
      out_ += ArgumentTypeName(arguments_[i]);
      out_ += '=';
      AppendArgument(&out_, FormatFlags(), 'v', arguments_[i]);
    }
    out_ += ')';
  }

  std::string_view rest_;
  std::span<const FormatArgument> arguments_;
  size_t max_size_;
  std::string out_;
  size_t next_ = 0;
  FormatFlags flags_;
  bool reordered_ = false, good_index_ = true, after_index_ = false;
};

}  // namespace

absl::StatusOr<std::string> GoSprintf(std::string_view format,
                                      std::span<const FormatArgument> arguments, size_t max_size) {
  return Printer(format, arguments, max_size).Print();
}

}  // namespace nacre::rego
