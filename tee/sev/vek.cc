#include "tee/sev/vek.h"

#include "base/strings.h"
#include "tee/common/refusal_class.h"

namespace nacre::tee::sev {
namespace {

constexpr uint8_t kDerInteger = 0x02;
constexpr uint8_t kDerOctetString = 0x04;
constexpr uint8_t kDerIa5String = 0x16;

absl::StatusOr<Bytes> Required(const crypto::Certificate& leaf, const char* oid,
                               std::string_view name, RefusalClass when_missing) {
  auto value = leaf.Extension(oid);
  if (value.ok()) return value;
  return WithClass(
      absl::InvalidArgumentError(StrCat("extension ", name, ": ", Message(value.status()))),
      absl::IsNotFound(value.status()) ? when_missing : RefusalClass::kFormat);
}

absl::Status Malformed(std::string_view name) {
  return RefusedError(RefusalClass::kFormat, StrCat("extension ", name, " is malformed"));
}

// A DER INTEGER from 0 to 255; 0x80 and above take a leading zero byte.
absl::StatusOr<uint8_t> DerByte(ByteView der, std::string_view name) {
  if (der.size() == 3 && der[0] == kDerInteger && der[1] == 1 && der[2] < 0x80) return der[2];
  if (der.size() == 4 && der[0] == kDerInteger && der[1] == 2 && der[2] == 0 && der[3] >= 0x80) {
    return der[3];
  }
  return Malformed(name);
}

absl::StatusOr<std::string> DerIa5(ByteView der, std::string_view name) {
  if (der.size() < 2 || der[0] != kDerIa5String || der[1] >= 0x80 || der[1] != der.size() - 2) {
    return Malformed(name);
  }
  for (uint8_t byte : der.subspan(2)) {
    if (byte < 0x20 || byte > 0x7e) return Malformed(name);
  }
  return ToString(der.subspan(2));
}

// AMD writes the raw octets; some texts say OCTET STRING. Told apart by length alone, since the
// octets themselves may begin like a DER header.
absl::StatusOr<Bytes> HardwareId(ByteView value, size_t size) {
  if (value.size() == size) return ToBytes(value);
  if (value.size() == size + 2 && value[0] == kDerOctetString && value[1] == size) {
    return ToBytes(value.subspan(2));
  }
  return Malformed("hwID");
}

}  // namespace

std::vector<SplExtension> SplExtensions(Product product) {
  if (product == Product::kTurin) {
    return {{"1.3.6.1.4.1.3704.1.3.9", 0, "fmcSPL"},
            {"1.3.6.1.4.1.3704.1.3.1", 1, "blSPL"},
            {"1.3.6.1.4.1.3704.1.3.2", 2, "teeSPL"},
            {"1.3.6.1.4.1.3704.1.3.3", 3, "snpSPL"},
            {"1.3.6.1.4.1.3704.1.3.8", 7, "ucodeSPL"}};
  }
  return {{"1.3.6.1.4.1.3704.1.3.1", 0, "blSPL"},  {"1.3.6.1.4.1.3704.1.3.2", 1, "teeSPL"},
          {"1.3.6.1.4.1.3704.1.3.4", 2, "spl4"},   {"1.3.6.1.4.1.3704.1.3.5", 3, "spl5"},
          {"1.3.6.1.4.1.3704.1.3.6", 4, "spl6"},   {"1.3.6.1.4.1.3704.1.3.7", 5, "spl7"},
          {"1.3.6.1.4.1.3704.1.3.3", 6, "snpSPL"}, {"1.3.6.1.4.1.3704.1.3.8", 7, "ucodeSPL"}};
}

size_t HardwareIdSize(Product product) { return product == Product::kTurin ? 8 : 64; }

absl::StatusOr<VekExtensions> ReadVekExtensions(const crypto::Certificate& leaf, Product product) {
  VekExtensions out;
  ASSIGN_OR_RETURN(const Bytes name,
                   Required(leaf, kOidProductName, "productName", RefusalClass::kProduct));
  ASSIGN_OR_RETURN(out.product_name, DerIa5(name, "productName"));
  for (const SplExtension& spl : SplExtensions(product)) {
    ASSIGN_OR_RETURN(const Bytes value,
                     Required(leaf, spl.oid, spl.name, RefusalClass::kTcbMismatch));
    ASSIGN_OR_RETURN(out.tcb.raw[spl.tcb_index], DerByte(value, spl.name));
  }
  ASSIGN_OR_RETURN(const std::string subject, leaf.subject_common_name());
  if (subject == kVcekName) {
    ASSIGN_OR_RETURN(const Bytes id, Required(leaf, kOidHardwareId, "hwID", RefusalClass::kChipId));
    ASSIGN_OR_RETURN(out.hardware_id, HardwareId(id, HardwareIdSize(product)));
  } else if (subject == kVlekName) {
    ASSIGN_OR_RETURN(const Bytes id, Required(leaf, kOidCspId, "cspID", RefusalClass::kKeyType));
    ASSIGN_OR_RETURN(out.csp_id, DerIa5(id, "cspID"));
  } else {
    return WithClass(absl::InvalidArgumentError(StrCat("leaf certificate is for '", subject,
                                                       "', not SEV-VCEK or SEV-VLEK")),
                     RefusalClass::kKeyType);
  }
  return out;
}

}  // namespace nacre::tee::sev
