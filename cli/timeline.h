// The milestones of one start, as the runtime wrote them down.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace nacre::cli {

// `lines`: one {"event":"agent_ready","ms":612} a line, ms since the VM's start. Gives
//   timeline                   ms       +
//   agent_ready               612    +612
// One line per event in time order, with the time since the one before. kInvalidArgument naming a
// line that is not such an object.
absl::StatusOr<std::string> FormatTimeline(std::string_view lines);

// Reads the file of one container: <state_dir of the runtime's configuration>/<namespace>/<id>/
// timeline.jsonl. `config` is the configuration's path, or empty for the runtime's default.
absl::StatusOr<std::string> ReadTimeline(const std::string& config, const std::string& name_space,
                                         const std::string& id);

}  // namespace nacre::cli
