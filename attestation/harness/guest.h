// Who attests in a test: this machine's own TEE, a file of evidence, or an emulated machine in this
// very process.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "attestation/protocol/evidence.h"
#include "attestation/protocol/messages.h"
#include "base/json.h"
#include "base/status.h"
#include "tee/common/evidence.h"

namespace nacre::attestation::harness {

class Guest {
 public:
  virtual ~Guest() = default;
  // "emulated snp of /dir", "configfs-tsm", "file evidence.bin".
  virtual std::string Describe() const = 0;
  virtual EvidenceKind kind() const = 0;
  // Evidence that carries `report_data`, as it stands in an Attestation. A file's carries what it
  // was made for.
  virtual absl::StatusOr<Json> Evidence(const tee::ReportData& report_data) = 0;
  // The initdata document whose digest its evidence has.
  virtual std::optional<InitData> init_data() const { return std::nullopt; }
  // Whether Evidence() can be bound to a session.
  virtual bool fresh() const { return true; }
};

// This machine's own: see tee/select_source.h. Quotes once, to learn which kind it is.
absl::StatusOr<std::unique_ptr<Guest>> LocalGuest();

// A file: a raw SNP report (with or without the certificate table behind it), a raw TDX quote, or
// the JSON of any kind of evidence the protocol has. kInvalidArgument when it is none of them.
absl::StatusOr<std::unique_ptr<Guest>> FileGuest(const std::string& path);

}  // namespace nacre::attestation::harness
