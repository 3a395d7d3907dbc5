// For tests: one empty database of either engine, so that every test of the store is one of both.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "attestation/broker/storage/sql.h"
#include "attestation/broker/storage/storage_config.h"
#include "base/file.h"

namespace nacre::attestation::testing {

class TestDatabase {
 public:
  // kNotFound when the engine is not installed.
  static absl::StatusOr<TestDatabase> Create(sql::Engine engine);

  sql::Engine engine() const { return engine_; }
  // In a folder of its own, with "master.key" there.
  const StorageConfig& config() const { return config_; }
  // The lines of [storage] in kbs.toml.
  std::string ConfigText() const;
  absl::StatusOr<std::unique_ptr<sql::Database>> Open() const { return OpenDatabase(config_); }
  // Statements behind the broker's back.
  absl::Status Execute(const std::string& statements) const;
  // Everything there is at rest: the files' bytes, or pg_dump's text.
  absl::StatusOr<std::string> Raw() const;

 private:
  TestDatabase(sql::Engine engine, TemporaryDirectory folder)
      : engine_(engine), folder_(std::move(folder)) {}
  sql::Engine engine_;
  TemporaryDirectory folder_;
  StorageConfig config_;
};

// One such database for each test; skipped where its engine is not installed. A SetUp of its own
// begins with that of its base and goes on only when `place` (or `database`) is there.
class PlaceTest : public ::testing::TestWithParam<sql::Engine> {
 protected:
  void SetUp() override;
  std::optional<TestDatabase> place;
};

// Opened.
class DatabaseTest : public PlaceTest {
 protected:
  void SetUp() override;
  std::unique_ptr<sql::Database> database;
};

inline std::string EngineName(const ::testing::TestParamInfo<sql::Engine>& info) {
  return info.param == sql::Engine::kSqlite ? "Sqlite" : "Postgresql";
}

}  // namespace nacre::attestation::testing

// INSTANTIATE_ON_BOTH_ENGINES(StoreTest);
#define INSTANTIATE_ON_BOTH_ENGINES(suite)                                                    \
  INSTANTIATE_TEST_SUITE_P(Engines, suite,                                                    \
                           ::testing::Values(::nacre::attestation::sql::Engine::kSqlite,      \
                                             ::nacre::attestation::sql::Engine::kPostgresql), \
                           ::nacre::attestation::testing::EngineName)
