// HTTP by hand, for requests that no client would send.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attestation/harness/case.h"
#include "attestation/harness/lab.h"

namespace nacre::attestation::harness {

// "POST /kbs/v0/auth HTTP/1.1\r\nHost: ...\r\n" and these lines, without the empty one that ends
// the head.
std::string HeadOf(const Lab& lab, std::string_view method, std::string_view target,
                   const std::vector<std::string>& lines = {});
// A whole request with its body and Content-Length.
std::string WholeRequest(const Lab& lab, std::string_view method, std::string_view target,
                         std::string_view body, const std::vector<std::string>& lines = {});

// The first whole answer in `text`, and how long it is; nullopt when it is not all there. An answer
// without length is taken to be whole only when the stream has `ended`.
struct RawAnswer {
  Reply reply;
  size_t size = 0;
};
std::optional<RawAnswer> ParseAnswer(std::string_view text, bool ended);

// Sends the bytes on a connection of their own and takes the first answer. A peer that hangs up
// without one, or says nothing for `timeout_ms`, is a reply with a failure.
Reply SendRaw(Lab& lab, std::string bytes, int64_t timeout_ms = 10'000);
// The answers to all of it, in order, until the peer hangs up, falls silent or `count` are there.
std::vector<Reply> SendPipelined(Lab& lab, std::string bytes, size_t count);

}  // namespace nacre::attestation::harness
