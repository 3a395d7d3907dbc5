// The GUIDs of this room are the common ones.
#pragma once

#include "tee/common/guid.h"
