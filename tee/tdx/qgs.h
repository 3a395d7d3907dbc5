// The host's quote generation service: from a TDREPORT to a quote (Intel DCAP, qgs_msg_lib). Over a
// stream each message has its size before it, 4 bytes big-endian; the messages themselves are
// little-endian: {u16 major 1, u16 minor, u32 type, u32 size with this header, u32 error}.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace nacre::tee::tdx {

inline constexpr size_t kTdReportSize = 1024;
inline constexpr size_t kMaxQgsMessage = 1 << 20;

struct QgsAddress {
  std::string unix_path;  // used when not empty; else vsock
  uint32_t cid = 2;       // the host
  uint32_t port = 4050;
  int timeout_ms = 30'000;
};

// GET_QUOTE_REQ over one TDREPORT, no key ids. Without the size before it.
Bytes EncodeQuoteRequest(ByteView td_report);
// The quote of a GET_QUOTE_RESP. kInvalidArgument: not such a message, or lengths that do not add
// up; kUnavailable: the service says why not, by code.
absl::StatusOr<Bytes> DecodeQuoteResponse(ByteView message);

// One request, one answer, one connection. kUnavailable: nobody there, or refused;
// kDeadlineExceeded; kDataLoss: the answer is no such message.
absl::StatusOr<Bytes> RequestQuote(const QgsAddress& address, ByteView td_report);

}  // namespace nacre::tee::tdx
