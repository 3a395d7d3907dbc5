#include "net/ttrpc/message.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>

#include "base/strings.h"
#include "base/utf8.h"
#include "net/ttrpc/limits.h"
#include "net/ttrpc/message.pb.h"

namespace nacre::ttrpc {
namespace {

using google::protobuf::internal::WireFormatLite;

constexpr uint32_t kLengthDelimited = 2;  // a wire type

// proto3 strings must be UTF-8, and Go peers refuse the whole response otherwise.
std::string PresentableText(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t size = DecodeUtf8(text).size;
    if (out.size() + std::max<size_t>(size, 1) > kMaxStatusMessage) break;
    out.append(size == 0 ? "?" : text.substr(0, size));
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  return out;
}

absl::Status StatusOf(const ::ttrpc::Status& status) {
  const bool known = status.code() >= 1 && status.code() <= 16;
  return absl::Status(
      known ? static_cast<absl::StatusCode>(status.code()) : absl::StatusCode::kUnknown,
      status.message());
}

}  // namespace

std::string EncodeRequest(const Request& request) {
  ::ttrpc::Request out;
  out.set_service(request.service);
  out.set_method(request.method);
  out.set_payload(request.payload);
  out.set_timeout_nano(request.timeout_ns);
  for (const auto& [key, value] : request.metadata) {
    ::ttrpc::KeyValue* pair = out.add_metadata();
    pair->set_key(key);
    pair->set_value(value);
  }
  return out.SerializeAsString();
}

absl::StatusOr<Request> DecodeRequest(ByteView bytes) {
  ::ttrpc::Request in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError("frame does not hold a ttrpc request");
  }
  Request request{.service = std::move(*in.mutable_service()),
                  .method = std::move(*in.mutable_method()),
                  .payload = std::move(*in.mutable_payload()),
                  .timeout_ns = in.timeout_nano(),
                  .metadata = {}};
  for (::ttrpc::KeyValue& pair : *in.mutable_metadata()) {
    request.metadata.emplace_back(std::move(*pair.mutable_key()), std::move(*pair.mutable_value()));
  }
  return request;
}

ResponseParts EncodeResponseParts(absl::StatusOr<std::string> answer) {
  ::ttrpc::Response out;
  if (!answer.ok()) {
    out.mutable_status()->set_code(static_cast<int>(answer.status().code()));
    out.mutable_status()->set_message(PresentableText(Message(answer.status())));
    return {out.SerializeAsString(), ""};
  }
  out.mutable_status();  // containerd sends it on success too
  ResponseParts parts{out.SerializeAsString(), *std::move(answer)};
  if (parts.payload.empty()) return parts;
  // The last field but for its bytes: its tag and their number.
  constexpr uint32_t kTag = ::ttrpc::Response::kPayloadFieldNumber << 3 | kLengthDelimited;
  {
    google::protobuf::io::StringOutputStream stream(&parts.head);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.WriteTag(kTag);
    coded.WriteVarint32(static_cast<uint32_t>(parts.payload.size()));
  }
  return parts;
}

std::string EncodeResponse(const absl::StatusOr<std::string>& answer) {
  ResponseParts parts = EncodeResponseParts(answer);
  return std::move(parts.head) + parts.payload;
}

absl::StatusOr<Answer> DecodeAnswer(Bytes frame) {
  Answer answer{.frame = std::move(frame)};
  google::protobuf::io::CodedInputStream in(answer.frame.data(),
                                            static_cast<int>(answer.frame.size()));
  ::ttrpc::Status status;
  bool good = true;
  while (const uint32_t tag = good ? in.ReadTag() : 0) {
    uint32_t length = 0;
    const uint32_t field = tag >> 3;
    const bool known =
        (tag & 7) == kLengthDelimited && (field == ::ttrpc::Response::kStatusFieldNumber ||
                                          field == ::ttrpc::Response::kPayloadFieldNumber);
    if (!known) {
      good = WireFormatLite::SkipField(&in, tag);
      continue;
    }
    good = in.ReadVarint32(&length);
    const auto at = static_cast<size_t>(in.CurrentPosition());
    good = good && length <= answer.frame.size() - at && in.Skip(static_cast<int>(length));
    if (!good) break;
    if (field == ::ttrpc::Response::kPayloadFieldNumber) {
      answer.begin = at;
      answer.size = length;
    } else {
      good =
          status.MergeFromString(std::string(AsText(ByteView(answer.frame).subspan(at, length))));
    }
  }
  if (!good || !in.ConsumedEntireMessage()) {
    return absl::InternalError("frame does not hold a ttrpc response");
  }
  if (status.code() != 0) return StatusOf(status);
  return answer;
}

absl::StatusOr<std::string> DecodeResponse(ByteView bytes) {
  ASSIGN_OR_RETURN(const Answer answer, DecodeAnswer(ToBytes(AsText(bytes))));
  return std::string(AsText(answer.payload()));
}

}  // namespace nacre::ttrpc
