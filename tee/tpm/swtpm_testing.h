// For tests: a real software TPM (swtpm) of its own, with an endorsement key certificate by a CA
// made for it.
#pragma once

#include <memory>
#include <string>

#include "base/file.h"
#include "crypto/x509.h"
#include "tee/tpm/enrolment.h"

namespace nacre::tee::tpm {

class SoftwareTpm {
 public:
  // kNotFound when swtpm or swtpm_setup is not installed.
  static absl::StatusOr<std::unique_ptr<SoftwareTpm>> Start();
  ~SoftwareTpm();
  SoftwareTpm(const SoftwareTpm&) = delete;
  SoftwareTpm& operator=(const SoftwareTpm&) = delete;

  std::string socket() const { return folder_.path() + "/tpm.sock"; }
  // The CA that signed its endorsement key certificate.
  EkTrust Trust() const;

 private:
  explicit SoftwareTpm(TemporaryDirectory folder) : folder_(std::move(folder)) {}
  absl::Status Manufacture() const;
  absl::Status Run();

  TemporaryDirectory folder_;
  int pid_ = 0;
};

}  // namespace nacre::tee::tpm
