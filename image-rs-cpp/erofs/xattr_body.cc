#include "image-rs-cpp/erofs/xattr_body.h"

#include "base/strings.h"
#include "image-rs-cpp/erofs/format.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image::erofs {
namespace {

struct Known {
  std::string_view prefix;
  XattrPrefix id;
  bool whole;  // nothing follows
};
constexpr Known kKnown[] = {{"user.", XattrPrefix::kUser, false},
                            {kAccessAcl, XattrPrefix::kAccessAcl, true},
                            {kDefaultAcl, XattrPrefix::kDefaultAcl, true},
                            {"trusted.", XattrPrefix::kTrusted, false},
                            {"security.", XattrPrefix::kSecurity, false}};

absl::Status PutXattr(std::string_view name, std::string_view value, ByteWriter* out) {
  for (const Known& known : kKnown) {
    if (!name.starts_with(known.prefix)) continue;
    const std::string_view rest = name.substr(known.prefix.size());
    if (rest.empty() != known.whole || rest.size() > UINT8_MAX) break;
    if (value.size() > kMaxXattrValue) {
      return absl::ResourceExhaustedError(
          StrCat("has ", value.size(), " bytes, an EROFS volume takes ", kMaxXattrValue));
    }
    out->U8(static_cast<uint8_t>(rest.size())).U8(static_cast<uint8_t>(known.id));
    out->U16Le(static_cast<uint16_t>(value.size())).Put(rest).Put(value);
    out->Zeros((4 - out->size() % 4) % 4);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("is none that Linux keeps on files");
}

}  // namespace

absl::StatusOr<Bytes> EncodeXattrs(const Xattrs& xattrs) {
  if (xattrs.empty()) return Bytes();
  ByteWriter out;
  out.Zeros(kXattrHeaderSize);  // a filter of names nobody uses, and no shared attributes
  for (const auto& [name, value] : xattrs) {
    RETURN_IF_ERROR(PutXattr(name, value, &out),
                    StrCat("extended attribute '", Printable(name), "'"));
    if (out.size() > kMaxXattrBody) {
      return absl::ResourceExhaustedError(StrCat("extended attributes of more than ", kMaxXattrBody,
                                                 " bytes do not fit an EROFS volume"));
    }
  }
  return out.Release();
}

}  // namespace nacre::image::erofs
