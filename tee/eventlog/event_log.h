// The log a firmware keeps of what it measured: the TCG crypto-agile format (TCG PC Client Platform
// Firmware Profile, section 10), its SHA-1 predecessor, and the same format over confidential
// computing registers (CCEL, UEFI 2.10 section 38.4). One reader for all.
//
// A log proves nothing by itself: it explains register values that hardware signed. Replay()
// computes the values the log leads to; only when they equal the signed ones are its digests
// true, and only data that hashes to such a digest (event_data.h) is true as well.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "tee/eventlog/bank.h"

namespace nacre::tee::eventlog {

inline constexpr size_t kMaxLogSize = 16 << 20;

// What an event's index counts: PCRs 0 to 23, or confidential computing registers, where 0 is MRTD
// (which no event extends) and 1 to 4 are RTMR0 to RTMR3.
enum class Registers { kPcr, kRtmr };

inline constexpr uint32_t kPcrCount = 24;
inline constexpr uint32_t kRtmrIndexCount = 5;

// "PCR 7", "RTMR1" (index 2).
std::string RegisterName(Registers registers, uint32_t index);

// Event types (PFP section 10.4.1).
inline constexpr uint32_t kPostCode = 0x1;
inline constexpr uint32_t kNoAction = 0x3;
inline constexpr uint32_t kSeparator = 0x4;
inline constexpr uint32_t kAction = 0x5;
inline constexpr uint32_t kEventTag = 0x6;
inline constexpr uint32_t kCrtmContents = 0x7;
inline constexpr uint32_t kCrtmVersion = 0x8;
inline constexpr uint32_t kPlatformConfigFlags = 0xa;
inline constexpr uint32_t kIpl = 0xd;
inline constexpr uint32_t kNonhostInfo = 0x11;
inline constexpr uint32_t kEfiVariableDriverConfig = 0x80000001;
inline constexpr uint32_t kEfiVariableBoot = 0x80000002;
inline constexpr uint32_t kEfiBootServicesApplication = 0x80000003;
inline constexpr uint32_t kEfiGptEvent = 0x80000006;
inline constexpr uint32_t kEfiAction = 0x80000007;
inline constexpr uint32_t kEfiPlatformFirmwareBlob = 0x80000008;
inline constexpr uint32_t kEfiVariableBoot2 = 0x8000000c;
inline constexpr uint32_t kEfiVariableAuthority = 0x800000e0;

// "EV_SEPARATOR"; "event type 0x1234" for one without a name here.
std::string EventTypeName(uint32_t type);

// One event, as views of the log's bytes.
struct Event {
  uint32_t index = 0;
  uint32_t type = 0;
  size_t offset = 0;  // in the log
  ByteView digests;   // as on the wire
  ByteView data;
  bool crypto_agile = false;

  // nullopt when the event has none of this bank (the first event of a crypto-agile log).
  std::optional<ByteView> digest(Bank bank) const;
};

// A parsed log. Views the bytes it was parsed from, which must outlive it; keeps 8 bytes an event.
class EventLog {
 public:
  // Reads up to the end mark (an event header of all ones or all zeros) or the end of the bytes;
  // after the mark only padding (0x00, 0xff) may follow. kInvalidArgument (class FORMAT) for
  // anything not well formed, with the offset: sizes past the end, a bank that is unknown, doubled
  // or of the wrong size, an event without a digest of each bank, an index that names no register.
  static absl::StatusOr<EventLog> Parse(ByteView log, Registers registers);

  Registers registers() const { return registers_; }
  bool crypto_agile() const { return crypto_agile_; }
  const std::vector<Bank>& banks() const { return banks_; }  // in the log's order
  bool HasBank(Bank bank) const;
  size_t size() const { return places_.size(); }  // events, the specification's own among them
  Event event(size_t i) const;
  size_t end_offset() const { return end_offset_; }  // of the last event
  // What PCR 0 starts from, when the log says (PFP section 10.4.5.3).
  std::optional<uint8_t> startup_locality() const { return startup_locality_; }

 private:
  struct Place {
    uint32_t offset;
    uint32_t data;
  };
  EventLog(ByteView log, Registers registers) : log_(log), registers_(registers) {}
  absl::Status ReadFirst(ByteReader& reader);
  absl::Status ReadSpecification(ByteView data);
  absl::Status ReadEvent(ByteReader& reader);
  absl::Status SkipDigests(ByteReader& reader) const;
  absl::Status CheckEvent(const Event& event);

  ByteView log_;
  Registers registers_;
  bool crypto_agile_ = false;
  std::vector<Bank> banks_;
  std::vector<Place> places_;
  size_t end_offset_ = 0;
  std::optional<uint8_t> startup_locality_;
  bool pcr0_extended_ = false;
};

// Register values by index; only registers that the log extends (and PCR 0 when the log says what
// it starts from) are there. kNotFound (class NO_BANK) when the log has no digests of this bank.
absl::StatusOr<std::map<uint32_t, Bytes>> Replay(const EventLog& log, Bank bank);

}  // namespace nacre::tee::eventlog
