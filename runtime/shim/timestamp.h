// The wall clock as containerd's messages carry it.
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include <chrono>

namespace nacre::runtime {

inline google::protobuf::Timestamp Now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now);
  google::protobuf::Timestamp stamp;
  stamp.set_seconds(seconds.count());
  stamp.set_nanos(static_cast<int32_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(now - seconds).count()));
  return stamp;
}

}  // namespace nacre::runtime
