// The shared folder's TDX vectors as the tests of this room take them: quotes, all its collateral,
// and a moment at which a given choice of them is in force.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tee/tdx/verify.h"
#include "tee/testing/outside.h"

namespace nacre::tee::tdx {

// Every status but Revoked, debugging and all: only genuineness counts.
TdxPolicy AnyPolicy();

class OutsideTdx : public outside::OutsideTest {
 protected:
  static Bytes QuoteBytes(const Json& vector);
  // The text of a TCB info or QE identity by its id in the manifest.
  static std::string Document(const std::string& id);
  // These two documents, every signing certificate, and all CRLs of the folder.
  static Collateral MakeCollateral(const std::string& tcb_info_id,
                                   const std::string& qe_identity_id);
  // A moment at which the two documents, the PCK and CRLs of its issuers are all in force.
  static std::optional<int64_t> Moment(const Json& vector, const std::string& tcb_info_id,
                                       const std::string& qe_identity_id);
};

}  // namespace nacre::tee::tdx
