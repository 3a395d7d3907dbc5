// Strict TOML for configuration: read into Json (tables -> objects), then taken apart key by key. A
// key nobody took is an error that names the nearest known one.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace nacre {

// kInvalidArgument with line and column. Dates become strings. Depth and size as JsonLimits.
absl::StatusOr<Json> ParseToml(std::string_view text, const JsonLimits& limits = {});

// Reads one table. Getters fill `out` only when the key is present (so defaults stand) and record
// errors instead of returning them; Finish() returns the first error, or names the first unknown
// key and its nearest known neighbour.
class TableReader {
 public:
  // `where` is put before messages: "config.toml: [hypervisor]". `table` must outlive the reader.
  TableReader(const Json& table, std::string where);
  TableReader& String(std::string_view key, std::string* out);
  TableReader& Bool(std::string_view key, bool* out);
  TableReader& Uint(std::string_view key, uint64_t* out, uint64_t min, uint64_t max);
  TableReader& Strings(std::string_view key, std::vector<std::string>* out);
  // One of `allowed`, else an error that lists them.
  TableReader& Choice(std::string_view key, std::string* out,
                      std::initializer_list<std::string_view> allowed);
  // A sub-table, or nullptr when absent.
  const Json* Table(std::string_view key);
  absl::Status Finish();

 private:
  const Json* Take(std::string_view key);
  void Fail(std::string_view key, std::string_view message);
  const Json& table_;
  std::string where_;
  std::set<std::string, std::less<>> known_;
  absl::Status error_;
};

// The candidate with the smallest edit distance, or "" when none is near (distance over a third of
// its length).
std::string NearestName(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace nacre
