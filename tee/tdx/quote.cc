// Signature data is nested: signature and key, then certification data of type 6 that holds the
// quoting enclave's report, its signature, its authentication data and, inside, certification data
// of type 5 with the PCK chain. Every level states its own length. They must agree exactly: a gap
// that nobody reads is a place where two readers could differ.

#include "tee/tdx/quote.h"

#include "base/strings.h"
#include "tee/common/refusal_class.h"

namespace nacre::tee::tdx {
namespace {

constexpr uint16_t kBodySgx = 1;
constexpr uint16_t kBodyTd10 = 2;
constexpr uint16_t kBodyTd15 = 3;

absl::Status Format(std::string_view message) {
  return RefusedError(RefusalClass::kFormat, message);
}
absl::Status Unsupported(std::string_view message) {
  return RefusedError(RefusalClass::kUnsupported, message);
}

// Fixed-size fields, read or written by the same list of calls. Reading past the end sets `failed`
// and leaves zeros.
class FieldReader {
 public:
  explicit FieldReader(ByteView data) : reader_(data) {}
  template <size_t N>
  void Array(std::array<uint8_t, N>& out) {
    auto view = reader_.Take(N, "field");
    if (view.ok()) std::copy(view->begin(), view->end(), out.begin());
    failed_ |= !view.ok();
  }
  void U16(uint16_t& out) { Store(reader_.U16Le("field"), out); }
  void U32(uint32_t& out) { Store(reader_.U32Le("field"), out); }
  void U64(uint64_t& out) { Store(reader_.U64Le("field"), out); }
  bool complete() const { return !failed_ && reader_.done(); }

 private:
  template <typename T>
  void Store(absl::StatusOr<T> value, T& out) {
    failed_ |= !value.ok();
    if (value.ok()) out = *value;
  }
  ByteReader reader_;
  bool failed_ = false;
};

class FieldWriter {
 public:
  template <size_t N>
  void Array(const std::array<uint8_t, N>& in) {
    writer_.Put(in);
  }
  void U16(uint16_t in) { writer_.U16Le(in); }
  void U32(uint32_t in) { writer_.U32Le(in); }
  void U64(uint64_t in) { writer_.U64Le(in); }
  Bytes Release() { return writer_.Release(); }

 private:
  ByteWriter writer_;
};

template <typename Fields, typename Header>
void VisitHeader(Fields& fields, Header& header) {
  fields.U16(header.version);
  fields.U16(header.attestation_key_type);
  fields.U32(header.tee_type);
  fields.U16(header.qe_svn);
  fields.U16(header.pce_svn);
  fields.Array(header.qe_vendor_id);
  fields.Array(header.user_data);
}

template <typename Fields, typename Body>
void VisitTd(Fields& fields, Body& body) {
  fields.Array(body.tee_tcb_svn);
  fields.Array(body.mrseam);
  fields.Array(body.mrsignerseam);
  fields.Array(body.seamattributes);
  fields.U64(body.td_attributes);
  fields.U64(body.xfam);
  fields.Array(body.mrtd);
  fields.Array(body.mrconfigid);
  fields.Array(body.mrowner);
  fields.Array(body.mrownerconfig);
  for (auto& rtmr : body.rtmr) fields.Array(rtmr);
  fields.Array(body.report_data);
  if (!body.td15) return;
  fields.Array(body.td15->tee_tcb_svn_2);
  fields.Array(body.td15->mrservicetd);
}

template <typename Fields, typename Report>
void VisitEnclave(Fields& fields, Report& report) {
  fields.Array(report.cpu_svn);
  fields.U32(report.miscselect);
  fields.Array(report.reserved1);
  fields.Array(report.attributes);
  fields.Array(report.mrenclave);
  fields.Array(report.reserved2);
  fields.Array(report.mrsigner);
  fields.Array(report.reserved3);
  fields.U16(report.isv_prod_id);
  fields.U16(report.isv_svn);
  fields.Array(report.reserved4);
  fields.Array(report.report_data);
}

absl::Status CheckHeader(const QuoteHeader& header) {
  if (header.version < 3 || header.version > 5) {
    return Unsupported(StrCat("quote version ", header.version, ", not 3, 4 or 5"));
  }
  const uint32_t tee_type = header.version == 3 ? kTeeTypeSgx : kTeeTypeTdx;
  if (header.tee_type != tee_type) {
    return Unsupported(StrCat("quote version ", header.version, " with TEE type ", header.tee_type,
                              ", not ", tee_type));
  }
  if (header.attestation_key_type != kKeyTypeEcdsaP256) {
    return Unsupported(
        StrCat("attestation key type ", header.attestation_key_type, ", not 2 (ECDSA P-256)"));
  }
  return absl::OkStatus();
}

absl::Status ReadTd(ByteReader& reader, bool td15, Quote* quote) {
  ASSIGN_OR_RETURN(const ByteView view,
                   reader.Take(td15 ? kTd15BodySize : kTd10BodySize, "TD quote body"));
  quote->td.emplace();
  if (td15) quote->td->td15 = TdBody::Td15{};
  FieldReader fields(view);
  VisitTd(fields, *quote->td);
  return fields.complete() ? absl::OkStatus() : Format("TD quote body");
}

absl::StatusOr<EnclaveReport> ReadEnclave(ByteReader& reader, std::string_view what) {
  ASSIGN_OR_RETURN(const ByteView view, reader.Take(kEnclaveReportSize, what));
  EnclaveReport report;
  FieldReader fields(view);
  VisitEnclave(fields, report);
  return report;
}

absl::Status ReadBody(ByteReader& reader, Quote* quote) {
  if (quote->header.version == 3) {
    ASSIGN_OR_RETURN(quote->sgx, ReadEnclave(reader, "enclave report body"));
    return absl::OkStatus();
  }
  if (quote->header.version == 4) return ReadTd(reader, false, quote);
  ASSIGN_OR_RETURN(const uint16_t type, reader.U16Le("body type"));
  ASSIGN_OR_RETURN(const uint32_t size, reader.U32Le("body size"));
  if (type == kBodySgx) return Format("an SGX body in a quote of TEE type TDX");
  if (type != kBodyTd10 && type != kBodyTd15) {
    return Format(StrCat("body type ", type, ", not 2 (TD 1.0) or 3 (TD 1.5)"));
  }
  const size_t expected = type == kBodyTd15 ? kTd15BodySize : kTd10BodySize;
  if (size != expected) {
    return Format(StrCat("body type ", type, " of ", size, " bytes, not ", expected));
  }
  return ReadTd(reader, type == kBodyTd15, quote);
}

// A u32 length and that many bytes: all of what is left when `to_the_end`.
absl::StatusOr<ByteReader> Sized(ByteReader& reader, std::string_view what, bool to_the_end) {
  ASSIGN_OR_RETURN(const uint32_t size, reader.U32Le(what));
  if (size > reader.remaining() || (to_the_end && size != reader.remaining())) {
    return Format(StrCat(what, ": ", size, " bytes stated, ", reader.remaining(), " there"));
  }
  ASSIGN_OR_RETURN(const ByteView view, reader.Take(size, what));
  return ByteReader(view);
}

// The quoting enclave's report and the PCK chain: the contents of type 6, or the rest in version 3.
absl::Status ReadQuotingEnclave(ByteReader& reader, QuoteSignature* out) {
  ASSIGN_OR_RETURN(out->qe_report, ReadEnclave(reader, "QE report"));
  ASSIGN_OR_RETURN(out->qe_report_signature, reader.Array<64>("QE report signature"));
  ASSIGN_OR_RETURN(const uint16_t auth_size, reader.U16Le("QE authentication data size"));
  ASSIGN_OR_RETURN(const ByteView auth, reader.Take(auth_size, "QE authentication data"));
  out->qe_auth_data = ToBytes(auth);
  ASSIGN_OR_RETURN(out->certification_type, reader.U16Le("certification data type"));
  ASSIGN_OR_RETURN(ByteReader inner, Sized(reader, "certification data", true));
  ASSIGN_OR_RETURN(const ByteView data, inner.Take(inner.remaining(), "certification data"));
  out->certification_data = ToBytes(data);
  return absl::OkStatus();
}

absl::Status ReadSignature(ByteReader reader, uint16_t version, QuoteSignature* out) {
  ASSIGN_OR_RETURN(out->signature, reader.Array<64>("quote signature"));
  ASSIGN_OR_RETURN(out->attestation_key, reader.Array<64>("attestation key"));
  if (version == 3) return ReadQuotingEnclave(reader, out);
  ASSIGN_OR_RETURN(const uint16_t type, reader.U16Le("certification data type"));
  if (type != kCertificationQeReport) {
    return RefusedError(RefusalClass::kUnsupportedCertType,
                        StrCat("certification data type ", type, ", not 6 (QE report)"));
  }
  ASSIGN_OR_RETURN(ByteReader outer, Sized(reader, "QE certification data", true));
  return ReadQuotingEnclave(outer, out);
}

absl::Status Read(ByteView bytes, Quote* quote) {
  if (bytes.size() > kMaxQuoteSize) {
    return Format(StrCat(bytes.size(), " bytes, the limit is ", kMaxQuoteSize));
  }
  ByteReader reader(bytes);
  ASSIGN_OR_RETURN(const ByteView header, reader.Take(kQuoteHeaderSize, "quote header"));
  FieldReader fields(header);
  VisitHeader(fields, quote->header);
  RETURN_IF_ERROR(CheckHeader(quote->header));
  RETURN_IF_ERROR(ReadBody(reader, quote));
  quote->signed_size = reader.offset();
  ASSIGN_OR_RETURN(const ByteReader signature, Sized(reader, "signature data", false));
  quote->size = reader.offset();
  quote->trailing = reader.remaining();
  return ReadSignature(signature, quote->header.version, &quote->signature);
}

}  // namespace

absl::StatusOr<Quote> ParseQuote(ByteView bytes) {
  Quote quote;
  const absl::Status status = Read(bytes, &quote);
  if (status.ok()) return quote;
  if (ClassOf(status, RefusalClass::kNone) != RefusalClass::kNone) return status;
  return Format(Message(status));  // a read past the end
}

Bytes SerializeEnclaveReport(const EnclaveReport& report) {
  FieldWriter fields;
  VisitEnclave(fields, report);
  return fields.Release();
}

Bytes SerializeTdBody(const TdBody& body) {
  FieldWriter fields;
  VisitTd(fields, body);
  return fields.Release();
}

Bytes SerializeSignedPart(const Quote& quote) {
  FieldWriter header;
  VisitHeader(header, quote.header);
  ByteWriter out;
  out.Put(header.Release());
  if (quote.sgx) return out.Put(SerializeEnclaveReport(*quote.sgx)).Release();
  if (!quote.td) return out.Release();
  const Bytes body = SerializeTdBody(*quote.td);
  if (quote.header.version == 5) {
    out.U16Le(quote.td->td15 ? kBodyTd15 : kBodyTd10).U32Le(static_cast<uint32_t>(body.size()));
  }
  return out.Put(body).Release();
}

Bytes SerializeQuote(const Quote& quote) {
  const QuoteSignature& signature = quote.signature;
  ByteWriter inner;
  inner.Put(SerializeEnclaveReport(signature.qe_report))
      .Put(signature.qe_report_signature)
      .U16Le(static_cast<uint16_t>(signature.qe_auth_data.size()))
      .Put(signature.qe_auth_data)
      .U16Le(signature.certification_type)
      .U32Le(static_cast<uint32_t>(signature.certification_data.size()))
      .Put(signature.certification_data);
  ByteWriter data;
  data.Put(signature.signature).Put(signature.attestation_key);
  if (quote.header.version != 3) {
    data.U16Le(kCertificationQeReport).U32Le(static_cast<uint32_t>(inner.size()));
  }
  data.Put(inner.bytes());
  ByteWriter out;
  out.Put(SerializeSignedPart(quote)).U32Le(static_cast<uint32_t>(data.size())).Put(data.bytes());
  return out.Release();
}

}  // namespace nacre::tee::tdx
