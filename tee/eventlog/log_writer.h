// Writes a log that EventLog reads: for software that measures (tee/tpm/extend.h) and for tests.
#pragma once

#include <vector>

#include "tee/eventlog/event_log.h"

namespace nacre::tee::eventlog {

// "Spec ID Event03" and the banks; `banks` has 1 to kMaxBanks different ones.
Bytes LogHeader(const std::vector<Bank>& banks);

// One event whose digests, one for each bank in that order, the caller gives.
Bytes EncodeEvent(uint32_t index, uint32_t type, const std::vector<Bank>& banks,
                  const std::vector<Bytes>& digests, ByteView data);
// One event whose digests are those of `measured`.
Bytes EncodeMeasuredEvent(uint32_t index, uint32_t type, const std::vector<Bank>& banks,
                          ByteView measured, ByteView data);

// UEFI_VARIABLE_DATA of an ASCII name.
Bytes EncodeUefiVariable(ByteView vendor, std::string_view name, ByteView value);

}  // namespace nacre::tee::eventlog
