// MRTD: the SHA-384 a TDX module keeps while a hypervisor builds a TD, computed in advance from the
// firmware image (Intel TDX Module ABI specification, TDH.MEM.PAGE.ADD and TDH.MR.EXTEND).
//
// What this could be compared with: public calculators' published rule, which is the same. No real
// MRTD with its firmware image was at hand.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "tee/tdx/tdvf.h"

namespace nacre::tee::tdx {

// The order in which a hypervisor adds and measures: the digest depends on it.
enum class MrtdOrder {
  kPerPage,     // each page is added, then measured (Linux 6.16 and later)
  kPerSection,  // all pages of a section are added, then all measured (kernels before upstream)
};

// 48 bytes. `sections` are those of ParseTdvf(image).
Bytes ComputeMrtd(ByteView image, const std::vector<TdvfSection>& sections,
                  MrtdOrder order = MrtdOrder::kPerPage);

}  // namespace nacre::tee::tdx
