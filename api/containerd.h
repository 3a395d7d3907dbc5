// Names containerd knows things by, beside the protobuf messages themselves.
//
// containerd packs messages into google.protobuf.Any with the bare message name as type URL (no
// "type.googleapis.com/"); 1.6 to 2.x accept and send that form. OCI documents travel as JSON.
#pragma once

#include <google/protobuf/any.pb.h>
#include <google/protobuf/message.h>

#include <string>

namespace nacre::api {

// Types of JSON payloads: CreateTask's spec, Exec's process, Update's resources.
inline constexpr char kSpecTypeUrl[] = "types.containerd.io/opencontainers/runtime-spec/1/Spec";
inline constexpr char kProcessTypeUrl[] =
    "types.containerd.io/opencontainers/runtime-spec/1/Process";
inline constexpr char kResourcesTypeUrl[] =
    "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources";

// Topics of task events, one per message of api/containerd/events.proto.
inline constexpr char kTaskCreateTopic[] = "/tasks/create";
inline constexpr char kTaskStartTopic[] = "/tasks/start";
inline constexpr char kTaskOomTopic[] = "/tasks/oom";
inline constexpr char kTaskExitTopic[] = "/tasks/exit";
inline constexpr char kTaskDeleteTopic[] = "/tasks/delete";
inline constexpr char kTaskExecAddedTopic[] = "/tasks/exec-added";
inline constexpr char kTaskExecStartedTopic[] = "/tasks/exec-started";
inline constexpr char kTaskPausedTopic[] = "/tasks/paused";
inline constexpr char kTaskResumedTopic[] = "/tasks/resumed";

// `message` as containerd packs it: type URL "containerd.events.TaskExit".
inline google::protobuf::Any PackForContainerd(const google::protobuf::Message& message) {
  google::protobuf::Any any;
  any.set_type_url(message.GetDescriptor()->full_name());
  any.set_value(message.SerializeAsString());
  return any;
}

// True when `any` holds a message of this full name, with or without a type URL prefix.
inline bool HoldsMessage(const google::protobuf::Any& any, const std::string& full_name) {
  const std::string& url = any.type_url();
  return url.substr(url.find_last_of('/') + 1) == full_name;
}

}  // namespace nacre::api
