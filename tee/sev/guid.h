// The GUIDs of this room are the common ones.
#pragma once

#include "tee/common/guid.h"

namespace nacre::tee::sev {

using tee::Guid;
using tee::MakeGuid;

}  // namespace nacre::tee::sev
