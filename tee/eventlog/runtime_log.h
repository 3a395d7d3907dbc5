// Events that software in a guest extends at run time, in the JSON form of dstack: an array of
// {"imr", "event_type", "digest", "event", "event_payload"}, where imr counts RTMRs from 0. Events
// of RTMR3 hash as SHA-384(event_type as u32 little-endian || ":" || event || ":" || payload); of
// the others only digests are known. Attestation-agent events (AAEL) are in the CCEL itself and
// come with its claims (claims.h).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tee/eventlog/claims.h"

namespace nacre::tee::eventlog {

inline constexpr size_t kMaxRuntimeLogSize = 4 << 20;
inline constexpr size_t kMaxRuntimeEvents = 65536;
inline constexpr uint32_t kDstackEventType = 0x08000001;

struct RuntimeLog {
  std::map<uint32_t, Bytes> registers;  // replayed, by CCEL index (RTMR3 is 4)
  std::vector<RuntimeEvent> events;     // of RTMR3, in order; each hashes to its digest
};

// kInvalidArgument (class FORMAT) for anything not of that form; class EVENT_DATA_MISMATCH when an
// event of RTMR3 does not hash to its digest. A digest may be left out (empty) for RTMR3.
absl::StatusOr<RuntimeLog> ParseDstackLog(std::string_view json);

// The digest that dstack extends for an event.
Bytes DstackEventDigest(uint32_t event_type, std::string_view event, ByteView payload);

}  // namespace nacre::tee::eventlog
