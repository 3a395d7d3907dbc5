// The value is a SEQUENCE of (OBJECT IDENTIFIER, value) pairs, two of them with pairs inside. Every
// identifier is the extension's own with one or two more arcs, so only those last arcs are
// compared.

#include "tee/tdx/pck_extension.h"

#include <algorithm>
#include <functional>

#include "base/strings.h"

namespace nacre::tee::tdx {
namespace {

// DER of 1.2.840.113741.1.13.1
constexpr uint8_t kPrefix[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};
constexpr uint8_t kBoolean = 0x01, kInteger = 0x02, kOctets = 0x04, kOid = 0x06, kEnumerated = 0x0a,
                  kSequence = 0x30;
enum Part : uint8_t { kPpid = 1, kTcb, kPceId, kFmspc, kSgxType, kInstance, kConfiguration };
constexpr uint8_t kPceSvn = 17, kCpuSvn = 18;

absl::Status Bad(std::string_view what) {
  return absl::InvalidArgumentError(StrCat("PCK extension: ", what));
}

struct Element {
  uint8_t tag = 0;
  ByteView value;
};

// One DER element of at most 64 KiB; lengths must be minimal.
absl::StatusOr<Element> Next(ByteReader& reader) {
  Element out;
  ASSIGN_OR_RETURN(out.tag, reader.U8("DER tag"));
  ASSIGN_OR_RETURN(const uint8_t first, reader.U8("DER length"));
  size_t size = first;
  if (first == 0x81) {
    ASSIGN_OR_RETURN(size, reader.U8("DER length"));
    if (size < 0x80) return Bad("DER length is not minimal");
  } else if (first == 0x82) {
    ASSIGN_OR_RETURN(size, reader.U16Be("DER length"));
    if (size < 0x100) return Bad("DER length is not minimal");
  } else if (first >= 0x80) {
    return Bad("DER length form");
  }
  ASSIGN_OR_RETURN(out.value, reader.Take(size, "DER value"));
  return out;
}

using PairHandler = std::function<absl::Status(uint8_t arc, const Element& value)>;

// Calls `handle` for each pair of a sequence's contents: the identifier must be kPrefix, `under`
// when that is not 0, and one arc, which must be between 1 and `last` and come once.
absl::Status ForEachPair(ByteView contents, uint8_t under, uint8_t last,
                         const PairHandler& handle) {
  Bytes prefix(std::begin(kPrefix), std::end(kPrefix));
  if (under != 0) prefix.push_back(under);
  uint32_t seen = 0;
  ByteReader reader(contents);
  while (!reader.done()) {
    ASSIGN_OR_RETURN(const Element pair, Next(reader));
    ByteReader inside(pair.value);
    ASSIGN_OR_RETURN(const Element oid, Next(inside));
    ASSIGN_OR_RETURN(const Element value, Next(inside));
    if (pair.tag != kSequence || oid.tag != kOid || !inside.done()) return Bad("not a pair");
    const bool known = oid.value.size() == prefix.size() + 1 &&
                       std::equal(prefix.begin(), prefix.end(), oid.value.begin()) &&
                       oid.value.back() >= 1 && oid.value.back() <= last;
    if (!known) return Bad("an identifier that is not known");
    const uint8_t arc = oid.value.back();
    if ((seen >> arc & 1) != 0) return Bad(StrCat("part ", arc, " is there twice"));
    seen |= 1u << arc;
    RETURN_IF_ERROR(handle(arc, value));
  }
  return absl::OkStatus();
}

template <size_t N>
absl::Status Octets(const Element& element, std::string_view name, std::array<uint8_t, N>* out) {
  if (element.tag != kOctets || element.value.size() != N) {
    return Bad(StrCat(name, " is not an OCTET STRING of ", N, " bytes"));
  }
  std::copy(element.value.begin(), element.value.end(), out->begin());
  return absl::OkStatus();
}

// A non-negative number up to `max`, minimal.
absl::StatusOr<uint16_t> Number(const Element& element, uint8_t tag, uint16_t max,
                                std::string_view name) {
  const ByteView value = element.value;
  const bool shaped = element.tag == tag && !value.empty() && value.size() <= 3 &&
                      value[0] < 0x80 && !(value.size() > 1 && value[0] == 0 && value[1] < 0x80);
  uint32_t number = 0;
  for (uint8_t byte : value.first(std::min<size_t>(value.size(), 3))) number = number << 8 | byte;
  if (!shaped || number > max) return Bad(StrCat(name, " is not a number up to ", max));
  return static_cast<uint16_t>(number);
}

absl::StatusOr<bool> Boolean(const Element& element) {
  if (element.tag != kBoolean || element.value.size() != 1) return Bad("not a BOOLEAN");
  return element.value[0] != 0;
}

absl::Status ParseTcb(const Element& sequence, PckExtension* out) {
  if (sequence.tag != kSequence) return Bad("TCB is not a SEQUENCE");
  int count = 0;
  RETURN_IF_ERROR(ForEachPair(
      sequence.value, kTcb, kCpuSvn, [&](uint8_t arc, const Element& value) -> absl::Status {
        ++count;
        if (arc == kCpuSvn) return Octets(value, "CPUSVN", &out->cpu_svn);
        if (arc == kPceSvn) {
          ASSIGN_OR_RETURN(out->pce_svn, Number(value, kInteger, 0xffff, "PCESVN"));
          return absl::OkStatus();
        }
        ASSIGN_OR_RETURN(const uint16_t svn, Number(value, kInteger, 0xff, "component SVN"));
        out->sgx_svn[arc - 1] = static_cast<uint8_t>(svn);
        return absl::OkStatus();
      }));
  return count == kCpuSvn ? absl::OkStatus() : Bad(StrCat(count, " parts of the TCB, not 18"));
}

absl::Status ParseConfiguration(const Element& sequence, PckExtension* out) {
  if (sequence.tag != kSequence) return Bad("configuration is not a SEQUENCE");
  return ForEachPair(sequence.value, kConfiguration, 3,
                     [&](uint8_t arc, const Element& value) -> absl::Status {
                       auto& flag = arc == 1   ? out->dynamic_platform
                                    : arc == 2 ? out->cached_keys
                                               : out->smt_enabled;
                       ASSIGN_OR_RETURN(flag, Boolean(value));
                       return absl::OkStatus();
                     });
}

absl::Status ParsePart(uint8_t arc, const Element& value, PckExtension* out) {
  switch (arc) {
    case kPpid:
      return Octets(value, "PPID", &out->ppid);
    case kTcb:
      return ParseTcb(value, out);
    case kPceId:
      return Octets(value, "PCE-ID", &out->pce_id);
    case kFmspc:
      return Octets(value, "FMSPC", &out->fmspc);
    case kSgxType: {
      ASSIGN_OR_RETURN(const uint16_t type, Number(value, kEnumerated, 2, "SGX type"));
      out->sgx_type = static_cast<SgxType>(type);
      return absl::OkStatus();
    }
    case kInstance:
      out->platform_instance_id.emplace();
      return Octets(value, "platform instance id", &*out->platform_instance_id);
    default:
      return ParseConfiguration(value, out);
  }
}

absl::Status Parse(ByteView der, PckExtension* out) {
  ByteReader reader(der);
  ASSIGN_OR_RETURN(const Element all, Next(reader));
  if (all.tag != kSequence || !reader.done()) return Bad("not one SEQUENCE");
  uint32_t seen = 0;
  RETURN_IF_ERROR(ForEachPair(all.value, 0, kConfiguration, [&](uint8_t arc, const Element& value) {
    seen |= 1u << arc;
    return ParsePart(arc, value, out);
  }));
  for (uint8_t arc = kPpid; arc <= kSgxType; ++arc) {
    if ((seen >> arc & 1) == 0) return Bad(StrCat("part ", arc, " is missing"));
  }
  return absl::OkStatus();
}

Bytes Der(uint8_t tag, ByteView value) {
  ByteWriter out;
  out.U8(tag);
  if (value.size() < 0x80) {
    out.U8(static_cast<uint8_t>(value.size()));
  } else if (value.size() < 0x100) {
    out.U8(0x81).U8(static_cast<uint8_t>(value.size()));
  } else {
    out.U8(0x82).U16Be(static_cast<uint16_t>(value.size()));
  }
  return out.Put(value).Release();
}

Bytes DerNumber(uint8_t tag, uint16_t number) {
  Bytes value;
  if (number >= 0x8000) value.push_back(0);
  if (number >= 0x80) value.push_back(static_cast<uint8_t>(number >> 8));
  value.push_back(static_cast<uint8_t>(number));
  return Der(tag, value);
}

Bytes Pair(uint8_t under, uint8_t arc, const Bytes& value) {
  Bytes oid(std::begin(kPrefix), std::end(kPrefix));
  if (under != 0) oid.push_back(under);
  oid.push_back(arc);
  return Der(kSequence, ByteWriter().Put(Der(kOid, oid)).Put(value).Release());
}

}  // namespace

absl::StatusOr<PckExtension> ParsePckExtension(ByteView der) {
  PckExtension out;
  const absl::Status status = Parse(der, &out);
  if (status.ok()) return out;
  if (absl::IsInvalidArgument(status)) return status;
  return Bad(Message(status));  // a read past the end
}

absl::StatusOr<PckExtension> ReadPckExtension(const crypto::Certificate& pck) {
  auto der = pck.Extension(kOidSgxExtension);
  if (!der.ok()) return Bad(Message(der.status()));
  return ParsePckExtension(*der);
}

Bytes SerializePckExtension(const PckExtension& extension) {
  ByteWriter tcb;
  for (uint8_t i = 0; i < 16; ++i) {
    tcb.Put(Pair(kTcb, static_cast<uint8_t>(i + 1), DerNumber(kInteger, extension.sgx_svn[i])));
  }
  tcb.Put(Pair(kTcb, kPceSvn, DerNumber(kInteger, extension.pce_svn)));
  tcb.Put(Pair(kTcb, kCpuSvn, Der(kOctets, extension.cpu_svn)));
  ByteWriter all;
  all.Put(Pair(0, kPpid, Der(kOctets, extension.ppid)));
  all.Put(Pair(0, kTcb, Der(kSequence, tcb.bytes())));
  all.Put(Pair(0, kPceId, Der(kOctets, extension.pce_id)));
  all.Put(Pair(0, kFmspc, Der(kOctets, extension.fmspc)));
  all.Put(Pair(0, kSgxType, DerNumber(kEnumerated, static_cast<uint16_t>(extension.sgx_type))));
  if (extension.platform_instance_id) {
    all.Put(Pair(0, kInstance, Der(kOctets, *extension.platform_instance_id)));
  }
  ByteWriter flags;
  uint8_t arc = 0;
  for (const auto& flag :
       {extension.dynamic_platform, extension.cached_keys, extension.smt_enabled}) {
    ++arc;
    if (flag) {
      flags.Put(
          Pair(kConfiguration, arc, Der(kBoolean, Bytes{*flag ? uint8_t{0xff} : uint8_t{0}})));
    }
  }
  if (flags.size() > 0) all.Put(Pair(0, kConfiguration, Der(kSequence, flags.bytes())));
  return Der(kSequence, all.bytes());
}

}  // namespace nacre::tee::tdx
