// Which part of an event's data its digest is over. Firmware logs data of two kinds: what it hashed
// (then the digest proves the data), and a description of what it hashed, such as a file's name
// (then the data proves nothing and anyone may have written it).
#pragma once

#include <optional>
#include <string>

#include "tee/eventlog/event_log.h"

namespace nacre::tee::eventlog {

// The part of `event.data` that hashes to its digest of `bank`; nullopt when no part does that
// could, by the event's type:
//   any type                    all of it
//   EV_EFI_VARIABLE_BOOT        the variable's value alone (EDK2; the name is then not proven)
//   EV_EFI_VARIABLE_AUTHORITY   the value alone, or all but the last byte (old shims log one byte
//                               more than they hash)
//   EV_IPL                      the text after a "word: " or "word " of description, with or
//                               without its end mark (GRUB)
std::optional<ByteView> BoundData(const Event& event, Bank bank);

// Whether the specification says that events of this type log what they hashed.
bool MustBeBound(uint32_t type);

// kUnauthenticated (class EVENT_DATA_MISMATCH), naming the event, when one whose data must hash to
// its digest does not. kNotFound (class NO_BANK) as Replay().
absl::Status CheckEventData(const EventLog& log, Bank bank);

// UEFI_VARIABLE_DATA (PFP section 10.4.2.6). Views the bytes.
struct UefiVariable {
  ByteView vendor;   // EFI_GUID, 16 bytes
  std::string name;  // ASCII; other UTF-16 units as '?'
  ByteView value;
};
inline constexpr size_t kMaxVariableName = 1024;  // UTF-16 units

// kInvalidArgument when the lengths do not fit the bytes; bytes after the value are allowed.
absl::StatusOr<UefiVariable> ParseUefiVariable(ByteView data);

// ASCII text from UTF-16LE: other units become '?', a final NUL is dropped. kInvalidArgument for an
// odd number of bytes.
absl::StatusOr<std::string> TextFromUtf16(ByteView data);

}  // namespace nacre::tee::eventlog
