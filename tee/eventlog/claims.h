// What a log says about a boot, drawn only from events whose data hashes to their digest
// (event_data.h) in the registers where they belong. Secure Boot and boot variables count only
// before the separator that ends the firmware's part of their register. Command lines, actions and
// runtime events are as true as the system is honest: software that runs later can extend those
// registers with more of them. To decide, compare register values; claims explain them.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tee/common/appraisal.h"
#include "tee/eventlog/event_log.h"

namespace nacre::tee::eventlog {

struct BootVariable {
  std::string name;  // "BootOrder", "Boot0001"
  Bytes value;
  bool name_proven = false;  // whether the digest is over the name as well
};

// An event that software logged at run time, after the firmware: what an attestation agent
// (AAEL) or dstack extended into RTMR3.
struct RuntimeEvent {
  std::string domain;     // empty for dstack
  std::string operation;  // dstack: the event's name
  std::string content;    // dstack: the payload, hex
};

struct BootClaims {
  std::optional<bool> secure_boot;                // nullopt: the log does not say
  std::vector<std::string> kernel_command_lines;  // as GRUB measured them, first to last
  std::vector<BootVariable> boot_variables;
  std::vector<std::string> actions;        // "Exit Boot Services Invocation", first to last
  std::vector<std::string> loaded_images;  // hex: Authenticode digests of EFI applications
  std::set<uint32_t> separators;           // registers that have one
  std::string firmware_version;            // EV_S_CRTM_VERSION, when it is text
  std::vector<RuntimeEvent> runtime_events;
};

// Errors: as CheckEventData(), which it runs first; EVENT_DATA_MISMATCH also when Secure Boot is
// said both on and off. No claim is drawn from events of `unproven` registers, whose values were
// not compared with signed ones.
absl::StatusOr<BootClaims> ReadBootClaims(const EventLog& log, Bank bank,
                                          const std::set<uint32_t>& unproven = {});

// "secure_boot": "on", "kernel_command_line": ..., "boot.action.1": ... into appraisal->claims.
void AddBootClaims(const BootClaims& claims, Appraisal* appraisal);

// One check per register of `signed_values` (by the log's index): that the log replays to it. A
// register the log never extends replays to zeros. Class RTMR_MISMATCH, or PCR_DIGEST for PCRs, and
// NO_BANK. Registers that are not in `signed_values` are not compared: leave RTMR3 out when it has
// a log of its own (runtime_log.h). False when any check failed.
bool CheckRegisters(const EventLog& log, Bank bank, const std::map<uint32_t, Bytes>& signed_values,
                    Appraisal* appraisal);

// All that is known of a log against signed registers: CheckRegisters(), then the data of its
// events ("event data"), then claims. False when refused; claims are added only when all held, and
// none are drawn from registers that are not in `signed_values`.
bool VerifyEventLog(ByteView log, Registers registers, Bank bank,
                    const std::map<uint32_t, Bytes>& signed_values, Appraisal* appraisal);

}  // namespace nacre::tee::eventlog
