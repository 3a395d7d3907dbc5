// For tests: keys that are made once per process (RSA takes a while).
#pragma once

#include "crypto/key.h"

namespace nacre::crypto {

inline const PrivateKey& EcKey(Curve curve) {
  static const PrivateKey* keys[] = {new PrivateKey(*PrivateKey::GenerateEc(Curve::kP256)),
                                     new PrivateKey(*PrivateKey::GenerateEc(Curve::kP384)),
                                     new PrivateKey(*PrivateKey::GenerateEc(Curve::kP521))};
  return *keys[static_cast<int>(curve)];
}

inline const PrivateKey& RsaKey() {
  static const PrivateKey* key = new PrivateKey(*PrivateKey::GenerateRsa(2048));
  return *key;
}

}  // namespace nacre::crypto
