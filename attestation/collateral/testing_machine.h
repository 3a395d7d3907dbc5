// For tests: an emulated TDX machine, what is published about it, and a service that says so.
#pragma once

#include <set>
#include <string>

#include "attestation/collateral/stand_in_service.h"
#include "tee/emulator/tdx_platform.h"
#include "tee/tdx/verify.h"

namespace nacre::attestation {

inline constexpr int64_t kTestNow = 1'800'000'000;  // 2027-01-15
inline constexpr int64_t kTestDay = 24 * 3600;

struct TestingMachine {
  explicit TestingMachine(std::set<tee::emulator::TdxFault> faults = {})
      : platform(tee::emulator::TdxPlatform::Create(
                     tee::emulator::MakeTdxIdentity({.now = kTestNow}).value(),
                     {4, tee::emulator::EmulatedTd(), std::move(faults)})
                     .value()),
        trust{
            {tee::tdx::EmulatedRootFromPem(platform.identity().root.certificate.ToPem()).value()}},
        quote(platform.Quote({}).value()),
        key(tee::tdx::CollateralKeyOf(quote).value()),
        collateral(platform.MakeCollateral(kTestNow).value()),
        service(collateral, StrCat(platform.identity().intermediate.certificate.ToPem(),
                                   platform.identity().root.certificate.ToPem())) {}

  tee::emulator::TdxPlatform platform;
  tee::tdx::TdxTrust trust;
  Bytes quote;
  tee::tdx::CollateralKey key;
  tee::tdx::Collateral collateral;
  StandInService service;
};

}  // namespace nacre::attestation
