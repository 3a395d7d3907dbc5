// What frames carry: a request, or a response. Plain structs over message.proto, so that protobuf
// stays in one .cc file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace nacre::ttrpc {

// Key and value pairs beside a request; a key may come more than once.
using Metadata = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string service = {};  // "grpc.AgentService"
  std::string method = {};   // "CreateContainer"
  std::string payload = {};
  int64_t timeout_ns = 0;  // time left when it was sent; 0 = no deadline, below 0 = already past
  Metadata metadata = {};
};

std::string EncodeRequest(const Request& request);
// kInvalidArgument for bytes that are not a request.
absl::StatusOr<Request> DecodeRequest(ByteView bytes);

// An answer: a payload, or the status that says why there is none. The status message is cut at
// kMaxStatusMessage and made valid UTF-8.
std::string EncodeResponse(const absl::StatusOr<std::string>& answer);
// The same bytes in two parts, for payloads that are not worth a copy more.
struct ResponseParts {
  std::string head;
  std::string payload;
};
ResponseParts EncodeResponseParts(absl::StatusOr<std::string> answer);
// A response as it came, and where in it the payload is, for payloads that are not worth a copy.
struct Answer {
  Bytes frame;
  size_t begin = 0;
  size_t size = 0;

  ByteView payload() const { return ByteView(frame).subspan(begin, size); }
};
// The payload, or the peer's status as it sent it; a code that is none of gRPC's is kUnknown. Bytes
// that are not a response are kInternal.
absl::StatusOr<Answer> DecodeAnswer(Bytes frame);
absl::StatusOr<std::string> DecodeResponse(ByteView bytes);

}  // namespace nacre::ttrpc
