// The families of cases, one file each: <name>_cases.cc.
#pragma once

#include "attestation/harness/case.h"

namespace nacre::attestation::harness {

// ---- what the protocol says
Family AuthFamily();
Family AttestFamily();
Family KeyFamily();
Family TokenFamily();
Family ResourceFamily();
Family ServiceFamily();
Family AdminFamily();

// ---- what attackers try
Family SessionAttacks();
Family BindingAttacks();
Family SnpReportAttacks();
Family SnpChainAttacks();
Family SnpFormAttacks();
Family TdxAttacks();
Family CollateralAttacks();
Family TpmAttacks();
Family TokenAttacks();
Family JsonAttacks();
Family SizeAttacks();
Family PathAttacks();
Family HttpAttacks();
Family PolicyAttacks();

}  // namespace nacre::attestation::harness
