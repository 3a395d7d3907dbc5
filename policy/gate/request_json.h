// A request of the agent API as the `input` of Kata's policies. They were written against what
// serde makes of the structures rust-protobuf generates, so that is the form here:
//
//   field          its name in the .proto, capitals and all ("OCI", "storages", "hwAddr"); "type",
//                  a word of Rust, is "type_"
//   numbers        numbers, also those of 64 bits; an enum is its number
//   string         as it is; bytes are an array of numbers
//   repeated, map  array and object, empty when there is nothing
//   message        object with every field, null when absent; so is an absent `optional` scalar
//   oneof          under the oneof's name: null, or {"Field": value} ("ErrnoRet": {"Errnoret": 1})
//
// One request is not what it is on the wire: CopyFileRequest has `file_type` ("Regular",
// "Directory", "Symlink" or "Unknown") and `symlink_target` (null unless a symbolic link) instead
// of `data`.
#pragma once

#include <google/protobuf/message.h>

#include "base/status.h"
#include "policy/rego/value.h"

namespace nacre::policy {

// Strings view into `request`, which must outlive the value and stay as it is.
//   kInvalidArgument     a symbolic link's target is not UTF-8
//   kResourceExhausted   the arena's budget is spent
absl::StatusOr<rego::Value> RequestInput(rego::Arena& arena,
                                         const google::protobuf::Message& request);

}  // namespace nacre::policy
