#include "crypto/x509_name.h"

#include <algorithm>
#include <vector>

#include "base/strings.h"
#include "base/utf8.h"
#include "crypto/der.h"

namespace nacre::crypto {
namespace {

struct Attribute {
  ByteView oid;
  der::Element value;
  bool joined = false;  // to the attribute before it, in one set
};

struct ShortName {
  std::string_view oid;  // the value of its DER
  std::string_view name;
};
// Of RFC 4519 and RFC 5280 appendix A, as OpenSSL writes them.
constexpr ShortName kShortNames[] = {
    {"\x55\x04\x03", "CN"},
    {"\x55\x04\x04", "SN"},
    {"\x55\x04\x05", "serialNumber"},
    {"\x55\x04\x06", "C"},
    {"\x55\x04\x07", "L"},
    {"\x55\x04\x08", "ST"},
    {"\x55\x04\x09", "street"},
    {"\x55\x04\x0a", "O"},
    {"\x55\x04\x0b", "OU"},
    {"\x55\x04\x0c", "title"},
    {"\x55\x04\x2a", "GN"},
    {"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", "DC"},
    {"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", "UID"},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", "emailAddress"},
};
constexpr std::string_view kCommonNameOid = kShortNames[0].oid;

std::string_view ShortNameOf(ByteView oid) {
  for (const ShortName& known : kShortNames) {
    if (known.oid == AsText(oid)) return known.name;
  }
  return {};
}

// Characters of `width` bytes each, big-endian; nothing when one is none.
std::optional<std::string> FromWide(ByteView value, size_t width) {
  if (value.size() % width != 0) return std::nullopt;
  std::string out;
  for (size_t at = 0; at < value.size(); at += width) {
    uint32_t code = 0;
    for (uint8_t byte : value.subspan(at, width)) code = code << 8 | byte;
    if (!IsScalarValue(code)) return std::nullopt;
    AppendUtf8(&out, code);
  }
  return out;
}

// As UTF-8; nothing for other types and for malformed ones.
std::optional<std::string> Text(const der::Element& value) {
  switch (value.tag) {
    case der::kUtf8String:
      if (!IsUtf8(AsText(value.value))) return std::nullopt;
      return ToString(value.value);
    case der::kPrintableString:
    case der::kNumericString:
    case der::kIa5String:
      if (!std::ranges::all_of(value.value, [](uint8_t byte) { return byte < 0x80; })) {
        return std::nullopt;
      }
      return ToString(value.value);
    case der::kTeletexString:  // read as Latin-1, which is what people put in
      return FromWide(value.value, 1);
    case der::kBmpString:
      return FromWide(value.value, 2);
    case der::kUniversalString:
      return FromWide(value.value, 4);
    default:
      return std::nullopt;
  }
}

absl::StatusOr<std::vector<Attribute>> Attributes(ByteView name, std::string_view whose) {
  std::vector<Attribute> out;
  ASSIGN_OR_RETURN(const der::Element all, der::Whole(name, der::kSequence, whose));
  der::Reader sets(all.value);
  while (!sets.done()) {
    ASSIGN_OR_RETURN(const der::Element set, sets.Next(der::kSet, whose));
    der::Reader pairs(set.value);
    bool joined = false;
    do {
      ASSIGN_OR_RETURN(const der::Element pair, pairs.Next(der::kSequence, whose));
      der::Reader inside(pair.value);
      ASSIGN_OR_RETURN(const der::Element oid, inside.Next(der::kOid, whose));
      ASSIGN_OR_RETURN(const der::Element value, inside.Next(whose));
      RETURN_IF_ERROR(inside.End(whose));
      out.push_back({oid.value, value, joined});
      joined = true;
    } while (!pairs.done());
  }
  return out;
}

void AppendEscaped(std::string* out, std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    const bool at_edge =
        (i == 0 && (text[i] == ' ' || text[i] == '#')) || (i + 1 == text.size() && text[i] == ' ');
    if (byte < 0x20 || byte >= 0x7f) {
      *out += {'\\', kHex[byte >> 4], kHex[byte & 15]};
    } else if (at_edge || std::string_view(",+\"\\<>;").find(text[i]) != std::string_view::npos) {
      *out += {'\\', text[i]};
    } else {
      out->push_back(text[i]);
    }
  }
}

void AppendAttribute(std::string* out, const Attribute& attribute) {
  const std::string_view name = ShortNameOf(attribute.oid);
  if (!name.empty()) {
    StrAppend(out, name, "=");
    return AppendEscaped(out, Text(attribute.value).value_or("?"));
  }
  StrAppend(out, der::OidText(attribute.oid), "=#");
  constexpr char kHex[] = "0123456789ABCDEF";
  for (uint8_t byte : attribute.value.whole) *out += {kHex[byte >> 4], kHex[byte & 15]};
}

}  // namespace

absl::Status CheckName(ByteView name, std::string_view whose) {
  ASSIGN_OR_RETURN(const auto attributes, Attributes(name, whose));
  for (const Attribute& attribute : attributes) {
    RETURN_IF_ERROR(der::CheckOid(attribute.oid, whose));
    if (!Text(attribute.value)) {
      return absl::InvalidArgumentError(StrCat(whose, ": the name holds what is not a string"));
    }
  }
  return absl::OkStatus();
}

std::string NameText(ByteView name) {
  const auto attributes = Attributes(name, "name");
  if (!attributes.ok()) return "?";
  std::string out;
  for (size_t i = attributes->size(); i > 0; --i) {
    const Attribute& attribute = (*attributes)[i - 1];
    AppendAttribute(&out, attribute);
    if (i > 1) out.push_back(attribute.joined ? '+' : ',');
  }
  return out;
}

absl::StatusOr<std::string> CommonName(ByteView name, std::string_view whose) {
  ASSIGN_OR_RETURN(const auto attributes, Attributes(name, whose));
  std::optional<std::string> out;
  for (const Attribute& attribute : attributes) {
    if (AsText(attribute.oid) != kCommonNameOid) continue;
    if (out) {
      return absl::InvalidArgumentError(StrCat(whose, " has several common names"));
    }
    out = Text(attribute.value).value_or("");
  }
  if (out && out->find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(StrCat("common name of ", whose, " holds a zero byte"));
  }
  return out.value_or("");
}

}  // namespace nacre::crypto
